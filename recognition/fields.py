"""Fields whose content is sealed in the database or storage. Code that uses them sees vectors and pictures.

A row seals with the key that its field ``key`` names; a row without one gets the key of its person (`data_key`).
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from django.core.files.base import ContentFile, File
from django.db import models
from django.db.models.fields.files import FieldFile

from recognition.sealing import SealError, is_sealed, key_by_number, open_sealed, open_text, seal, seal_text

log = logging.getLogger(__name__)


class SealedBytesField(models.BinaryField):
    """Bytes such as a small picture, kept sealed in the row itself."""

    def pre_save(self, model_instance: Any, add: bool) -> bytes | None:
        value = getattr(model_instance, self.attname)
        if value is None:
            return None
        number = _key_of(model_instance)
        return seal(self.packed(value), number, key_by_number(number))

    def packed(self, value: Any) -> bytes:
        return bytes(value)

    def opened(self, data: bytes) -> Any:
        return data

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if value is not None and not (isinstance(value, bytes) and is_sealed(value)):
            raise TypeError("What is sealed is written by saving its row, which knows whose key seals it.")
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Raises SealError."""
        return None if value is None else self.opened(open_sealed(bytes(value)))

    def value_to_string(self, obj: Any) -> str:
        raise TypeError("What is sealed is not serialised.")


class SealedVectorField(SealedBytesField):
    """A float32 vector, kept as sealed little-endian bytes. It cannot be searched or compared in the database."""

    def packed(self, value: Any) -> bytes:
        return np.ascontiguousarray(value, "<f4").tobytes()

    def opened(self, data: bytes) -> Any:
        return np.frombuffer(data, "<f4").astype(np.float32)


class SealedTextField(models.TextField):
    """A text that is kept sealed by the key of the site. It cannot be searched or compared in the database."""

    PURPOSE = "texts of the site"

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else seal_text(str(value), self.PURPOSE)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Empty, with a line in the log, where the site's key was lost: what it held has to be entered again."""
        try:
            return None if value is None else open_text(value, self.PURPOSE)
        except SealError as error:
            log.error("%s: %s", self, error)
            return ""


class SealedFieldFile(FieldFile):
    """Sealed on its way into the storage, opened on its way out, whatever the storage is."""

    def save(self, name: str, content: File[Any], save: bool = True) -> None:
        content.seek(0)
        number = _key_of(self.instance)
        super().save(name, ContentFile(seal(content.read(), number, key_by_number(number))), save)

    def open(self, mode: str = "rb") -> Any:
        """Read anew each time. Raises FileNotFoundError, also when the key is gone, and other SealErrors."""
        if mode != "rb":
            raise ValueError("Sealed files are opened for reading only.")
        if self._committed:
            self._file = None
        self.file.seek(0)
        return self

    def _opened(self) -> Any:
        self._require_file()
        if getattr(self, "_file", None) is None:
            with self.storage.open(str(self.name), "rb") as stored:
                self._file = ContentFile(open_sealed(stored.read()), name=self.name)
        return self._file

    file = property(_opened, FieldFile._set_file, FieldFile._del_file)


class SealedFileField(models.FileField):
    attr_class = SealedFieldFile


def _key_of(row: Any) -> int:
    """The number of the key that seals this row's content."""
    if row.key_id is None:
        row.key_id = row.data_key()
    return int(row.key_id)
