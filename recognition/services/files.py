"""Removing the bytes of photos together with their rows."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.db.models.fields.files import FieldFile

from recognition.models import Photo
from recognition.storage import DatabaseStorage


def remove_file(stored: FieldFile) -> None:
    """Remove the file in the transaction in progress.

    Bytes outside of the database are removed once it is committed: a rollback could not bring them back.
    """
    if not stored.name:
        return
    if isinstance(stored.storage, DatabaseStorage):
        stored.storage.delete(stored.name)
    else:
        transaction.on_commit(partial(stored.storage.delete, stored.name))


def remove_files_of(photo: Photo) -> None:
    """The caller removes the row in the same transaction."""
    remove_file(photo.image)
    remove_file(photo.crop)


def discard_files_of(photo: Photo) -> None:
    """Remove what a storage outside of the database still holds of a photo whose row was not saved."""
    for stored in (photo.image, photo.crop):
        if stored.name:
            stored.storage.delete(stored.name)
