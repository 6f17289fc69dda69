from __future__ import annotations

from rest_framework import serializers

from recognition.api.serializers.common import Input, Text


class ConsentText(serializers.Serializer):
    version = serializers.IntegerField(help_text="Send it back with the consent of whoever read the text.")
    text = serializers.CharField(help_text="To be shown to the person whole. Plain text with empty lines.")
    required = serializers.BooleanField(help_text="Whether no photo is taken without consent.")


class ConsentInput(Input):
    version = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, help_text="Of the text that the person was shown and agreed to."
    )
    note = Text(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="Where the proof is, such as the number of a form.",
    )
