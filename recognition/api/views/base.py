"""What the views of the API share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from django.conf import settings
from django.utils.translation import override
from rest_framework.serializers import Serializer
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from recognition.api.images import Picture, read_bounded
from recognition.api.parsers import OctetsParser, PictureParser, check_size
from recognition.models import ApiKey
from recognition.services import liveness
from recognition.services.recognition import Asker

Scope = ApiKey.Scope


class KioskView(APIView):
    """``scopes``: for each method those of which the key needs one; empty means that any key will do."""

    scopes: ClassVar[dict[str, tuple[str, ...]]]
    http_method_names = ["get", "head", "post", "patch", "delete"]

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Sentences of the API are English whatever language is asked for: programs log them. A tablet shows them."""
        if request.path.startswith("/api/"):
            with override(settings.LANGUAGE_CODE):
                return super().dispatch(request, *args, **kwargs)
        return super().dispatch(request, *args, **kwargs)

    def asker(self, kind: str) -> Asker:
        return Asker(kind=kind, api_key=self.request.auth)

    @property
    def owner(self) -> str:
        """Whose liveness challenges and tokens this key may use: its own."""
        return f"key:{self.request.auth.pk}"

    def read_query(self, query: type[Serializer], **more: str) -> dict[str, Any]:
        """more: what stands elsewhere than in the address, and counts before it."""
        return self._valid(query, self.request.query_params.dict() | more)

    def read_json(self, content: type[Serializer], **options: Any) -> dict[str, Any]:
        check_size(self.request)
        return self._valid(content, self.request.data, **options)

    @staticmethod
    def _valid(kind: type[Serializer], data: Any, **options: Any) -> dict[str, Any]:
        serializer = kind(data=data, **options)
        serializer.is_valid(raise_exception=True)
        valid: dict[str, Any] = serializer.validated_data
        return valid


class PictureView(KioskView):
    """Takes pictures as files of a form, in JSON or as the body, or the token of a liveness challenge in their
    place."""

    parser_classes = [*api_settings.DEFAULT_PARSER_CLASSES, PictureParser, OctetsParser]

    def live_probe(self, sent: dict[str, Any], kind: str) -> tuple[bytes, Asker]:
        """The picture to decide about, and who asks, with what spoke for a living person. Raises Conflict or Invalid
        where the key demands more than was sent."""
        token, asker = sent.get("liveness_token", ""), self.asker(kind)
        passed = liveness.probe_of(
            mode=self.request.auth.liveness,
            owner=self.owner,
            token=token,
            use=str(sent.get("read", "")),  # the number of an attendance, which counts once
            picture=None if token else read_bounded(sent["image"]),
            asker=asker,
        )
        return passed.picture, replace(asker, liveness=passed.evidence or None)

    def read_picture(self, form: type[Serializer], json: type[Serializer]) -> dict[str, Any]:
        """Validated data. Beside a picture that is the whole body, the other fields stand in the address."""
        kind = (self.request.content_type or "").lower()
        if kind.startswith("multipart/"):
            return self.read_json(form)
        if not kind.startswith(("image/", "application/octet-stream")):
            return self.read_json(json)
        check_size(self.request)
        sent = self.request.data
        picture = sent if isinstance(sent, Picture) else Picture(b"")  # an empty body is not parsed
        return self._valid(json, self.request.query_params.dict() | {"image": picture})
