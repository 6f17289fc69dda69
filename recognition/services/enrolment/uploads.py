"""Several photos handed in at once: each is taken or refused for itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from django.conf import settings
from django.utils.translation import gettext

from recognition.models import Identity, Photo
from recognition.services.enrolment import photos
from recognition.services.enrolment.preparing import PreparedPhoto, prepare_photo
from recognition.services.errors import ServiceError
from recognition.services.wording import reason_text


class HandedIn(Protocol):
    """What a web framework calls an uploaded file."""

    name: str | None
    size: int | None

    def read(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Refusal:
    filename: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.filename}: {self.message}"


@dataclass(slots=True)
class Uploads:
    """Files that were looked at but not yet kept."""

    prepared: list[PreparedPhoto] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def refuse(self, filename: str, code: str, message: str) -> None:
        self.refused.append(Refusal(filename or gettext("a file without a name"), code, message))


def read_uploads(files: Iterable[HandedIn]) -> Uploads:
    """Read and re-encode each file. Touches no database; a file that is too large is not even read."""
    uploads = Uploads()
    for file in files:
        name = (file.name or "").replace("\x00", "")
        if (file.size or 0) > settings.MAX_UPLOAD_BYTES:
            uploads.refuse(name, "too_large", reason_text("too_large"))
            continue
        try:
            uploads.prepared.append(prepare_photo(file.read(), name)[0])
        except ServiceError as error:
            uploads.refuse(name, error.code, str(error))
    return uploads


def keep_uploads(identity: Identity, uploads: Uploads, *, by_themselves: bool = False) -> list[Photo]:
    """Keep what can be kept and enqueue it. What cannot is added to ``uploads.refused``."""
    kept = []
    for prepared in uploads.prepared:
        try:
            kept.append(photos.keep_photo(identity=identity, prepared=prepared, by_themselves=by_themselves))
        except ServiceError as error:
            uploads.refuse(prepared.filename, error.code, str(error))
    return kept
