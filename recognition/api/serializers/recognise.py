"""Identify and verify. The answers are made by the services; their classes here only describe them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from recognition.api.images import PictureFile, PictureText
from recognition.api.serializers.common import Input, PersonIdField, PersonName, Text
from recognition.models import Decision
from recognition.services.recognition import KEPT_CANDIDATES

MAX_TOP = 20
DECISIONS = Decision.Outcome.choices


PROBE = ("image", "liveness_token")


class OneOf(Input):
    # ``one_of``: groups of fields, of each of which exactly one is to be sent.
    one_of: tuple[tuple[str, ...], ...] = ()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for names in self.one_of:
            if len(attrs.keys() & set(names)) != 1:
                raise serializers.ValidationError(f"Send either {' or '.join(names)}.")
        return attrs


class ProbeInput(OneOf):
    # A picture, or the token of a liveness challenge in its place.
    one_of = (PROBE,)
    liveness_token = Text(
        required=False,
        min_length=1,
        max_length=100,
        help_text="Of a passed liveness challenge, in place of a picture: what is looked at is its best frame.",
    )


class TopInput(ProbeInput):
    top = serializers.IntegerField(
        min_value=1,
        max_value=MAX_TOP,
        default=KEPT_CANDIDATES,
        help_text="At most this many candidates for each face.",
    )


class IdentifyForm(TopInput):
    image = PictureFile(required=False)


class IdentifyJson(TopInput):
    image = PictureText(required=False)


class ClaimInput(ProbeInput):
    one_of = (PROBE, ("external_id", "image2"))


class VerifyForm(ClaimInput):
    image = PictureFile(required=False)
    image2 = PictureFile(required=False)
    external_id = PersonIdField(required=False, help_text="The person that the face is said to be.")


class VerifyJson(ClaimInput):
    image = PictureText(required=False)
    image2 = PictureText(required=False)
    external_id = PersonIdField(required=False, help_text="The person that the face is said to be.")


class Quality(serializers.Serializer):
    size = serializers.FloatField(help_text="Shorter side of the box in pixels.")
    sharpness = serializers.FloatField()
    brightness = serializers.FloatField()
    contrast = serializers.FloatField()
    yaw = serializers.FloatField(help_text="Degrees.")
    pitch = serializers.FloatField(help_text="Degrees.")
    roll = serializers.FloatField(help_text="Degrees, beside the quarter turns of `turned`.")
    score = serializers.FloatField(help_text="0 (useless) to 1 (ideal).")
    reasons = serializers.ListField(
        child=serializers.CharField(), help_text="Why the face is not fit: too_small, too_blurred ..."
    )


class Face(serializers.Serializer):
    box = serializers.ListField(
        child=serializers.FloatField(),
        min_length=4,
        max_length=4,
        help_text="left, top, right, bottom in pixels of the picture, turned as its EXIF data say, its longer side at "
        "most 2,000.",
    )
    score = serializers.FloatField(help_text="The detector's confidence, 0 to 1.")
    landmarks = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        min_length=5,
        max_length=5,
        help_text="Left eye, right eye, nose, left and right corner of the mouth, as seen when the face is upright.",
    )
    quality = Quality()


class SeenFace(Face):
    turned = serializers.IntegerField(
        min_value=0,
        max_value=359,
        help_text="By how many degrees, clockwise, the face leans in the picture: 90, 180 or 270 where it lies on "
        "its side or head. Box and landmarks are in the picture as it was sent.",
    )


class Candidate(PersonName):
    score = serializers.FloatField(help_text="Cosine similarity, -1 to 1.")


class IdentifiedFace(SeenFace):
    decision = serializers.ChoiceField(choices=DECISIONS)
    reason = serializers.CharField(
        allow_blank=True,
        help_text="Why it is no match: not_recognised, ambiguous, or why the face was rejected. Empty for a match.",
    )
    candidates = Candidate(many=True, help_text="Best first. The person is the first one if it is a match.")


TIMINGS_HELP = "Milliseconds of each step."


class IdentifyAnswer(serializers.Serializer):
    faces = IdentifiedFace(many=True, help_text="Largest first. Empty when there is no face in the picture.")
    timings_ms = serializers.DictField(child=serializers.FloatField(), help_text=TIMINGS_HELP)


class VerifyAnswer(serializers.Serializer):
    decision = serializers.ChoiceField(choices=DECISIONS)
    reason = serializers.CharField(
        allow_blank=True, help_text="not_the_same, no_face, or why a face was rejected. Empty for a match."
    )
    score = serializers.FloatField(allow_null=True, help_text="Null when a face could not be used.")
    threshold = serializers.FloatField(help_text="A match is this score or more.")
    faces = SeenFace(many=True, help_text="The largest face of each picture.")
    timings_ms = serializers.DictField(child=serializers.FloatField(), help_text=TIMINGS_HELP)
