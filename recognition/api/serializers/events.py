from __future__ import annotations

import re

from rest_framework import serializers

from recognition.api.serializers.common import (
    MAX_NUMBER,
    MAX_PAGE_SIZE,
    Input,
    PersonIdField,
    PersonName,
)
from recognition.models import Decision
from recognition.services.events import TYPES

SOME_TYPES = "^({0})(,({0}))*$".format("|".join(re.escape(one) for one in TYPES))


class EventsQuery(Input):
    kind = serializers.ChoiceField(required=False, choices=Decision.Kind.choices)
    outcome = serializers.ChoiceField(required=False, choices=Decision.Outcome.choices)
    external_id = PersonIdField(
        required=False, help_text="Events in which this person was recognised or verified."
    )
    since = serializers.DateTimeField(required=False, help_text="At this time or later.")
    until = serializers.DateTimeField(required=False, help_text="Before this time.")
    before = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_NUMBER, help_text="Events before this one: the cursor."
    )
    after = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_NUMBER,
        help_text="Events after the last one that you know.",
    )
    page_size = serializers.IntegerField(min_value=1, max_value=MAX_PAGE_SIZE, default=50)


class StreamQuery(Input):
    after = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_NUMBER,
        help_text="The `id` of the last message that you know.",
    )
    types = serializers.RegexField(
        SOME_TYPES,
        required=False,
        error_messages={"invalid": f"Name some of these, with commas between them: {', '.join(TYPES)}."},
        help_text=f"Some of {', '.join(f'`{one}`' for one in TYPES)}, with commas between them; all without it.",
    )
    with_names = serializers.BooleanField(default=False, help_text="Whether people's names are told, too.")


class StreamMessage(serializers.Serializer):
    id = serializers.CharField(help_text="Number of the event; `Last-Event-ID` to come again with.")
    event = serializers.ChoiceField(
        choices=[*TYPES, "missed"],
        help_text="`missed`: what was asked for is kept no more, or is not yet there after a backup was restored.",
    )
    data = serializers.CharField(help_text="JSON, as webhooks get it: `type`, `timestamp`, `data`.")


class Event(serializers.Serializer):
    id = serializers.IntegerField()
    at = serializers.DateTimeField(source="created_at")
    kind = serializers.ChoiceField(choices=Decision.Kind.choices)
    outcome = serializers.ChoiceField(choices=Decision.Outcome.choices)
    reason = serializers.CharField(help_text="Why it was no match. Empty for a match.")
    probe = serializers.UUIDField(help_text="The same for all faces of one picture.")
    person = PersonName(
        source="identity",
        allow_null=True,
        help_text="Who was recognised, or was to be verified. Null when nobody was, or after an erasure.",
    )
    score = serializers.FloatField(allow_null=True)
    margin = serializers.FloatField(
        allow_null=True, help_text="How far the best person was ahead of the second."
    )
    kiosk = serializers.CharField(source="api_key.name", default=None, allow_null=True)
    camera = serializers.CharField(source="camera.name", default=None, allow_null=True)


class EventsPage(serializers.Serializer):
    results = Event(many=True, help_text="Newest first.")
    next = serializers.URLField(allow_null=True, help_text="Address of the page with older events.")
