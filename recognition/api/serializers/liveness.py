"""Liveness challenges: frames in, words for the person out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from recognition.api.images import PictureFile
from recognition.api.serializers.common import Input, Text
from recognition.engine.liveness.judging import FAILURES, Phase, State
from recognition.engine.liveness.plans import Step
from recognition.services.liveness import MOST_AT_ONCE


class Truth(serializers.BooleanField):
    """True or false of JSON, nothing that stands for them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Start(Input):
    light = Truth(
        default=False,
        help_text="Whether a screen beside the camera can show the colours. Off where the site wants none.",
    )


class Started(serializers.Serializer):
    id = serializers.UUIDField()
    nonce = serializers.CharField(help_text="To be sent with the first frames.")
    expires_in = serializers.IntegerField(help_text="Seconds.")
    frames_a_second = serializers.IntegerField(help_text="How many frames to take.")
    colours = serializers.ListField(
        child=serializers.CharField(),
        help_text="To be shown in turn, over and over, from the first frame on.",
    )
    colour_ms = serializers.IntegerField(help_text="How long each of them is shown.")


class Frames(Input):
    nonce = Text(min_length=1, max_length=100)
    at = serializers.ListField(
        child=serializers.FloatField(min_value=0, max_value=1e15),
        min_length=1,
        max_length=MOST_AT_ONCE,
        help_text="When each frame was taken, in milliseconds by one clock of the device.",
    )
    shown = serializers.ListField(
        child=serializers.IntegerField(min_value=-1, max_value=1_000_000),
        required=False,
        default=list,
        help_text="The number of the colour that was shown then, counted from 0 on; -1 while it changed.",
    )
    frame = serializers.ListField(
        child=PictureFile(),
        min_length=1,
        max_length=MOST_AT_ONCE,
        help_text="JPEG, at least 480 pixels wide.",
    )


class Progress(serializers.Serializer):
    state = serializers.ChoiceField(choices=list(State))
    phase = serializers.ChoiceField(choices=list(Phase))
    step = serializers.IntegerField(help_text="How many movements are done.")
    steps = serializers.IntegerField(help_text="How many there are.")
    asked = serializers.ChoiceField(
        choices=["", *Step], help_text="The movement to ask for now; empty: to look straight ahead."
    )
    done = serializers.FloatField(help_text="How much of it is made, 0 to 1.")
    hint = serializers.CharField(help_text="What the person should change: no_face, too_small, too_near ...")
    reason = serializers.ChoiceField(choices=["", *FAILURES], help_text="Why it failed.")
    message = serializers.CharField(help_text="The reason as a sentence.")
    nonce = serializers.CharField(required=False, help_text="To be sent with the next frames.")
    token = serializers.CharField(
        required=False, help_text="For identify, verify or a photo, within a minute and once: it was passed."
    )
