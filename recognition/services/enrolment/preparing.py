"""Reading a file that was handed in as an enrolment photo. Touches no database."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePath
from uuid import uuid4

from django.core.files.base import ContentFile

from recognition.engine import images
from recognition.engine.types import Image, ImageError
from recognition.models import Identity, Photo
from recognition.services.errors import Invalid

MAX_SIDE = 2000


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPhoto:
    """A picture that was read, bounded and re-encoded; nothing of its file's metadata is left."""

    sha256: str
    filename: str
    width: int
    height: int
    jpeg: bytes

    def as_row(self, identity: Identity) -> Photo:
        """An unsaved photo of the person."""
        photo = Photo(
            identity=identity,
            filename=self.filename,
            sha256=self.sha256,
            height=self.height,
            width=self.width,
        )
        photo.image = ContentFile(self.jpeg, name=f"{uuid4().hex}.jpg")
        return photo


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def prepare_photo(data: bytes, filename: str = "") -> tuple[PreparedPhoto, Image]:
    """Read a file that was handed in; the pixels come along. Raises Invalid when it is no usable picture."""
    try:
        image = images.decode(data, max_side=MAX_SIDE)
    except ImageError as error:
        raise Invalid(error.code, str(error)) from None
    # A file name may hold bytes that are no text; the database takes none of those.
    text = filename.encode(errors="replace").decode().replace("\\", "/").replace("\x00", "")
    name = PurePath(text).name[:255]
    height, width = image.shape[:2]
    return PreparedPhoto(digest_of(data), name, width, height, images.encode_jpeg(image)), image
