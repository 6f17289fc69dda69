"""Attendance as kiosks record it. The answer is made by the service; its classes here only describe it."""

from __future__ import annotations

from rest_framework import serializers

from recognition.api.images import PictureFile, PictureText
from recognition.api.serializers.common import PersonName
from recognition.api.serializers.recognise import ProbeInput
from recognition.models import Attendance, Decision
from recognition.services.attendance import OLDEST


class ReadInput(ProbeInput):
    read = serializers.UUIDField(
        help_text="A number that you make for this picture. Send the picture again with the same number as often as "
        "you like: nothing is recorded twice."
    )
    age_ms = serializers.IntegerField(
        min_value=0,
        max_value=int(OLDEST.total_seconds() * 1000),
        default=0,
        help_text="How many milliseconds ago the picture was taken, when it was kept until there was a connection.",
    )


class ReadForm(ReadInput):
    image = PictureFile(required=False)


class ReadJson(ReadInput):
    image = PictureText(required=False)


class FaceAttendance(serializers.Serializer):
    kind = serializers.ChoiceField(choices=Attendance.Kind.choices)
    at = serializers.DateTimeField()
    repeated = serializers.BooleanField(help_text="It was recorded before; nothing was added.")


class AttendingFace(serializers.Serializer):
    box = serializers.ListField(
        child=serializers.FloatField(),
        min_length=4,
        max_length=4,
        help_text="left, top, right, bottom in pixels.",
    )
    decision = serializers.ChoiceField(choices=Decision.Outcome.choices)
    reason = serializers.CharField(allow_blank=True, help_text="Why it is no match. Empty for a match.")
    person = PersonName(allow_null=True, help_text="Who was recognised.")
    attendance = FaceAttendance(allow_null=True)


class ReadAnswer(serializers.Serializer):
    read = serializers.UUIDField()
    at = serializers.DateTimeField(help_text="When the picture was taken, as the server sees it.")
    reason = serializers.CharField(allow_blank=True, help_text="Why there is no face: no_face or too_dark.")
    faces = AttendingFace(many=True, help_text="Largest first.")
