"""Django storage that keeps files in a Postgres table, so that one transaction and one backup hold a person."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import IO, Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from django.db.models.functions import Length


class DatabaseStorage(Storage):
    """Files are rows of `recognition.models.StoredFile`. They have no URL: views check who may see them."""

    def _rows(self) -> Any:
        # The storage is made while models are being loaded, so the table is looked up on first use.
        from recognition.models import StoredFile

        return StoredFile.objects

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        if mode != "rb":
            raise ValueError("files in the database are opened for reading only")
        content = self._rows().filter(name=name).values_list("content", flat=True).first()
        if content is None:
            raise FileNotFoundError(name)
        return File(BytesIO(bytes(content)), name=name)

    def _save(self, name: str, content: IO[Any] | ContentFile[Any]) -> str:
        self._rows().create(name=name, content=content.read())
        return name

    def delete(self, name: str) -> None:
        self._rows().filter(name=name).delete()

    def exists(self, name: str) -> bool:
        return bool(self._rows().filter(name=name).exists())

    def size(self, name: str) -> int:
        size = self._rows().filter(name=name).values_list(Length("content"), flat=True).first()
        if size is None:
            raise FileNotFoundError(name)
        return int(size)

    def get_created_time(self, name: str) -> datetime:
        created: datetime = self._rows().values_list("created_at", flat=True).get(name=name)
        return created

    def url(self, name: str | None) -> str:
        raise ValueError("files in the database have no address of their own")
