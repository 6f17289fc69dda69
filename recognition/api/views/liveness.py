"""Liveness challenges of kiosks."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from recognition.api.parsers import JSONParser
from recognition.api.schema import answers
from recognition.api.serializers import liveness as shapes
from recognition.api.views.base import KioskView, Scope
from recognition.models import Decision
from recognition.services import liveness

SCOPES = (Scope.IDENTIFY, Scope.VERIFY, Scope.ENROL, Scope.ATTENDANCE)


class LivenessView(KioskView):
    scopes = {"POST": SCOPES}
    throttle_group = "liveness"
    parser_classes = [JSONParser]

    @extend_schema(
        operation_id="liveness_start",
        tags=["liveness"],
        summary="Start a liveness challenge",
        request={"application/json": shapes.Start},
        responses=answers(201, shapes.Started, 400, 411, 413, 415),
    )
    def post(self, request: Request) -> Response:
        """Then send frames until it is passed or failed, and show the person what each answer asks for."""
        sent = self.read_json(shapes.Start)
        return Response(liveness.start(owner=self.owner, light=sent["light"]), 201)


class LivenessFramesView(KioskView):
    scopes = {"POST": SCOPES}
    throttle_group = "liveness"
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="liveness_frames",
        tags=["liveness"],
        summary="The next frames of a liveness challenge",
        request={"multipart/form-data": shapes.Frames},
        responses=answers(200, shapes.Progress, 400, 404, 409, 411, 413, 415, 422),
    )
    def post(self, request: Request, challenge_id: UUID) -> Response:
        """A few frames at a time, about four times a second, each request after the answer to the one before.

        When it is passed, the answer has a token. Send it to identify, to verify or with a person's photos in
        place of a picture: what is looked at is the best frame of the challenge.
        """
        sent = self.read_json(shapes.Frames)
        frames = liveness.frames_of([file.read() for file in sent["frame"]], sent["at"], sent["shown"])
        asker = self.asker(Decision.Kind.IDENTIFY)
        answer = liveness.add_frames(
            challenge_id, owner=self.owner, nonce=sent["nonce"], frames=frames, asker=asker
        )
        return Response(answer.as_dict())
