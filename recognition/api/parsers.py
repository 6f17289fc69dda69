"""Bodies, with their size bounded before they are read."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import parsers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from recognition.api.errors import ApiError
from recognition.api.images import Picture


def check_size(request: Request, most: int | None = None) -> None:
    """Raises ApiError for a body of unknown length, or over ``most`` bytes, which are otherwise those of
    ``settings.DATA_UPLOAD_MAX_MEMORY_SIZE``.

    Django applies that limit to ``request.body`` only, which is not what DRF reads, and takes a body without
    a length for an empty one.
    """
    if request.headers.get("Transfer-Encoding") and not request.META.get("CONTENT_LENGTH"):
        raise ApiError(411, "length_required", "Send the body with a Content-Length, not in chunks.")
    limit = most or settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if limit is not None and int(request.META.get("CONTENT_LENGTH") or 0) > limit:
        raise ApiError(413, "too_large", f"The request is over {limit // 1_000_000} MB. Send less at once.")


class JSONParser(parsers.JSONParser):
    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("nested too deeply") from None


class PictureParser(parsers.BaseParser):
    """A body that is a picture. Its content type is not believed; the bytes decide."""

    media_type = "image/*"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Picture:
        return Picture(stream.read())


class OctetsParser(PictureParser):
    media_type = "application/octet-stream"
