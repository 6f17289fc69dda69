"""Who is in a picture (1:N), and whether it is a certain person (1:1)."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from recognition.api.images import read_bounded
from recognition.api.schema import BODY, BODY_IS_PICTURE, answers
from recognition.api.serializers import recognise as shapes
from recognition.api.views.base import PictureView, Scope
from recognition.models import Decision
from recognition.services import identities, recognition

_FACE = {
    "box": [151.2, 120.4, 329.9, 358.1],
    "score": 0.9312,
    "landmarks": [[197.3, 214.0], [281.5, 213.2], [239.8, 262.7], [204.9, 305.5], [275.1, 304.8]],
    "turned": 0,
    "quality": {
        "size": 178.7,
        "sharpness": 412.0,
        "brightness": 131.5,
        "contrast": 48.2,
        "yaw": -2.1,
        "pitch": 1.4,
        "roll": -0.5,
        "score": 0.941,
        "reasons": [],
    },
}
_IDENTIFIED = {
    "faces": [
        _FACE
        | {
            "decision": "match",
            "reason": "",
            "candidates": [
                {"external_id": "E-17", "name": "Ada Example", "score": 0.7421},
                {"external_id": "E-04", "name": "Bo Sample", "score": 0.1803},
            ],
        }
    ],
    "timings_ms": {"decode": 2.1, "detect": 6.3, "refine": 0.9, "align": 0.4, "embed": 4.4, "search": 0.6},
}
_VERIFIED = {
    "decision": "match",
    "reason": "",
    "score": 0.7421,
    "threshold": 0.31,
    "faces": [_FACE],
    "timings_ms": {"decode": 2.1, "detect": 6.3, "refine": 0.9, "align": 0.4, "embed": 4.4},
}


class IdentifyView(PictureView):
    scopes = {"POST": (Scope.IDENTIFY,)}

    @extend_schema(
        operation_id="identify",
        tags=["recognise"],
        summary="Who is in this picture (1:N)",
        request={"multipart/form-data": shapes.IdentifyForm, "application/json": shapes.IdentifyJson}
        | BODY_IS_PICTURE,
        responses=answers(200, shapes.IdentifyAnswer, *BODY, 409, 422),
        examples=[OpenApiExample("one face", _IDENTIFIED, response_only=True, status_codes=["200"])],
    )
    def post(self, request: Request) -> Response:
        """Decides about every face of the picture, up to 20. No face is an ordinary answer with no faces.

        The picture can also be the whole body; `top` then stands in the address: `?top=3`. In its place the token of a
        passed liveness challenge can be sent; 409 `liveness_required` where the key demands one.
        """
        sent = self.read_picture(shapes.IdentifyForm, shapes.IdentifyJson)
        picture, asker = self.live_probe(sent, Decision.Kind.IDENTIFY)
        answer = recognition.identify(picture, top=sent["top"], asker=asker)
        return Response(answer.as_dict())


class VerifyView(PictureView):
    scopes = {"POST": (Scope.VERIFY,)}

    @extend_schema(
        operation_id="verify",
        tags=["recognise"],
        summary="Is this the person, or are these two the same (1:1)",
        request={"multipart/form-data": shapes.VerifyForm, "application/json": shapes.VerifyJson}
        | BODY_IS_PICTURE,
        responses=answers(200, shapes.VerifyAnswer, *BODY, 404, 409, 422),
        examples=[OpenApiExample("the person", _VERIFIED, response_only=True, status_codes=["200"])],
    )
    def post(self, request: Request) -> Response:
        """Compares the largest face of `image` with the person `external_id`, or with that of `image2`.

        `image` can also be the whole body; the person then stands in the address: `?external_id=E-17`.

        409 `suspended` or `not_enrolled` when there is nothing to compare with.
        """
        sent = self.read_picture(shapes.VerifyForm, shapes.VerifyJson)
        image, asker = self.live_probe(sent, Decision.Kind.VERIFY)
        if "image2" in sent:
            answer = recognition.verify_images(image, read_bounded(sent["image2"]), asker=asker)
        else:
            answer = recognition.verify_identity(
                image, identity=identities.get_identity(sent["external_id"]), asker=asker
            )
        return Response(answer.as_dict())
