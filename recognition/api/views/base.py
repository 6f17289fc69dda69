"""What the views of the API share."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from recognition.api.parsers import check_size
from recognition.models import ApiKey
from recognition.services.recognition import Asker

Scope = ApiKey.Scope


class KioskView(APIView):
    """``scopes``: for each method those of which the key needs one; empty means that any key will do."""

    scopes: ClassVar[dict[str, tuple[str, ...]]]
    http_method_names = ["get", "head", "post", "patch", "delete"]

    def asker(self, kind: str) -> Asker:
        return Asker(kind=kind, api_key=self.request.auth)

    def read_query(self, query: type[Serializer]) -> dict[str, Any]:
        return self._valid(query, self.request.query_params.dict())

    def read_json(self, content: type[Serializer], **options: Any) -> dict[str, Any]:
        check_size(self.request)
        return self._valid(content, self.request.data, **options)

    def read_picture(self, form: type[Serializer], json: type[Serializer]) -> dict[str, Any]:
        """Validated data from a multipart form or from JSON, whichever was sent."""
        is_form = (self.request.content_type or "").startswith("multipart/")
        return self.read_json(form if is_form else json)

    @staticmethod
    def _valid(kind: type[Serializer], data: Any, **options: Any) -> dict[str, Any]:
        serializer = kind(data=data, **options)
        serializer.is_valid(raise_exception=True)
        valid: dict[str, Any] = serializer.validated_data
        return valid
