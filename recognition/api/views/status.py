from __future__ import annotations

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from recognition.api.schema import answers
from recognition.api.views.base import KioskView, Scope
from recognition.services.analysis import detector_in_use
from recognition.services.gallery import live_gallery
from recognition.services.overview import worker_answers

STATUS = inline_serializer(
    "Status",
    {
        "kiosk": serializers.CharField(help_text="The name of this key."),
        "scopes": serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices)),
        "model": serializers.CharField(help_text="The embedding model in use."),
        "detector": serializers.CharField(help_text="What finds faces in pictures."),
        "people": serializers.IntegerField(help_text="How many people can be recognised."),
        "worker": serializers.BooleanField(help_text="Whether somebody processes photos."),
    },
)


class StatusView(KioskView):
    scopes = {"GET": ()}

    @extend_schema(
        operation_id="status",
        tags=["status"],
        summary="Is the server ready, and what may this key do",
        responses=answers(200, STATUS),
    )
    def get(self, request: Request) -> Response:
        """200 when database, models and gallery are there; 503 otherwise."""
        gallery = live_gallery.current()
        return Response(
            {
                "kiosk": request.auth.name,
                "scopes": request.auth.scopes,
                "model": gallery.model,
                "detector": detector_in_use().name,
                "people": len(gallery),
                "worker": worker_answers(),
            }
        )
