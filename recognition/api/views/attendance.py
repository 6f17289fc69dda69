"""Who comes and who goes, as kiosks see it."""

from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from recognition.api.images import read_bounded
from recognition.api.schema import BODY, BODY_IS_PICTURE, answers
from recognition.api.serializers import attendance as shapes
from recognition.api.views.base import PictureView, Scope
from recognition.models import Decision
from recognition.services import attendance


class AttendanceView(PictureView):
    scopes = {"POST": (Scope.ATTENDANCE,)}

    @extend_schema(
        operation_id="attendance_record",
        tags=["attendance"],
        summary="Record who comes or goes",
        request={"multipart/form-data": shapes.ReadForm, "application/json": shapes.ReadJson}
        | BODY_IS_PICTURE,
        responses=answers(200, shapes.ReadAnswer, *BODY, 409, 422),
    )
    def post(self, request: Request) -> Response:
        """Recognises every face of the picture and records the attendance of those who are known.

        Whether somebody comes or goes is the kiosk's setting, or changes by turns. Within the kiosk's pause a person
        counts once. The picture can also be the whole body; `read` and `age_ms` then stand in the address.
        """
        sent = self.read_picture(shapes.ReadForm, shapes.ReadJson)
        reading = attendance.read(
            read_bounded(sent["image"]),
            asker=self.asker(Decision.Kind.IDENTIFY),
            read=sent["read"],
            age=timedelta(milliseconds=sent["age_ms"]),
        )
        return Response(reading.as_dict())
