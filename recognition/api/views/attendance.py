"""Who comes and who goes, as kiosks see it."""

from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from recognition.api.schema import BODY, answers
from recognition.api.serializers import attendance as shapes
from recognition.api.views.base import PictureView, Scope
from recognition.models import Decision
from recognition.services import attendance


class AttendanceView(PictureView):
    scopes = {"POST": (Scope.ATTENDANCE,)}
    parser_classes = (
        api_settings.DEFAULT_PARSER_CLASSES
    )  # beside a bare picture there is no place for its number

    @extend_schema(
        operation_id="attendance_record",
        tags=["attendance"],
        summary="Record who comes or goes",
        request={"multipart/form-data": shapes.ReadForm, "application/json": shapes.ReadJson},
        responses=answers(200, shapes.ReadAnswer, *BODY, 409, 422),
    )
    def post(self, request: Request) -> Response:
        """Recognises every face of the picture and records the attendance of those who are known.

        Whether somebody comes or goes is the kiosk's setting, or changes by turns. Within the kiosk's pause a person
        counts once. In place of a picture the token of a passed liveness challenge can be sent; 409
        `liveness_required` where the key demands one.
        """
        sent = self.read_picture(shapes.ReadForm, shapes.ReadJson)
        picture, asker = self.live_probe(sent, Decision.Kind.IDENTIFY)
        reading = attendance.read(
            picture, asker=asker, read=sent["read"], age=timedelta(milliseconds=sent["age_ms"])
        )
        return Response(reading.as_dict())
