"""Pictures as they arrive: files of a form, base64 in JSON, or the body itself."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recognition.api.errors import ApiError

# As the document says it; line breaks are taken as well.
BASE64 = (
    r"^(data:[^,;]{0,100}(;[^,;]{1,100}){0,5};base64,)?"
    r"([A-Za-z0-9+/_-]{4})*([A-Za-z0-9+/_-]{2}(==)?|[A-Za-z0-9+/_-]{3}=?)?$"
)
DATA_URL = re.compile(r"data:[^,;]{0,100}(?:;[^,;]{1,100}){0,5};base64,")
STANDARD = str.maketrans("-_", "+/")  # from the URL-safe alphabet


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of one picture, with what `recognition.services.uploads` wants to know of a file."""

    data: bytes
    name: str = ""

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self) -> bytes:
        return self.data


@extend_schema_field({"type": "string", "format": "binary"})
class PictureFile(serializers.Field):
    """A file of a multipart form. Its content type and name are not believed; the bytes decide."""

    default_error_messages = {"not_a_file": "Send the picture as a file of the form."}

    def to_internal_value(self, data: object) -> UploadedFile:
        if not isinstance(data, UploadedFile):
            self.fail("not_a_file")
        return data


@extend_schema_field(
    {
        "type": "string",
        "contentEncoding": "base64",
        "minLength": 1,
        "pattern": BASE64,
        "description": "The bytes of the picture in base64, standard or URL-safe, padded or not, or a data: URL.",
    }
)
class PictureText(serializers.Field):
    """A base64 text or data: URL, or what came as the body."""

    default_error_messages = {"not_a_text": "Send the picture as a text in base64."}

    def to_internal_value(self, data: object) -> Picture:
        if isinstance(data, Picture):
            return data
        if not isinstance(data, str):
            self.fail("not_a_text")
        return Picture(decode_base64(data))


def decode_base64(text: str) -> bytes:
    """Standard or URL-safe, padded or not. Raises ApiError ``invalid_base64`` or ``too_large``."""
    # Four characters for three bytes; lines may be broken and a data URL begins with some words.
    if len(text) > settings.MAX_UPLOAD_BYTES * 1.4 + 1000:
        raise _too_large()
    if found := DATA_URL.match(text):
        text = text[found.end() :]
    text = "".join(text.split()).translate(STANDARD)
    if not text.endswith("="):
        text += "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        message = "The picture is not valid base64. Encode the bytes of the file."
        raise ApiError(400, "invalid_base64", message) from None


def read_bounded(picture: UploadedFile | Picture) -> bytes:
    """All bytes of the picture; one that is too large is not even read."""
    if (picture.size or 0) > settings.MAX_UPLOAD_BYTES:
        raise _too_large()
    return picture.read()


def _too_large() -> ApiError:
    limit = settings.MAX_UPLOAD_BYTES // 2**20
    return ApiError(413, "too_large", f"The picture is too large. Send one of at most {limit} MB.")
