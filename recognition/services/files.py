"""The bytes of photos: removed together with their rows, and sealed anew when a photo goes to another person."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from uuid import uuid4

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models.fields.files import FieldFile

from recognition.models import DataKey, Embedding, Photo, ProbePicture
from recognition.sealing import keys_of
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


def read_file(stored: FieldFile) -> bytes:
    """The picture, opened with the key that seals it. Raises FileNotFoundError where it or its key is gone, and other
    SealErrors."""
    with stored.open("rb") as file:
        return bytes(file.read())


def remove_files_of(photo: Photo) -> None:
    """The caller removes the row in the same transaction."""
    remove_file(photo.image)
    remove_file(photo.crop)


def reseal(photo: Photo) -> None:
    """Seal a photo with a key of the person whose it is now, and its vectors with it. For who moves a photo to another
    person; in the transaction that does."""
    if (
        photo.key_id is not None
        and DataKey.objects.filter(pk=photo.key_id, identity=photo.identity_id).exists()
    ):
        return
    photo.key_id = photo.data_key()
    for stored in (photo.image, photo.crop):
        if stored:
            try:
                picture = read_file(stored)
            except FileNotFoundError:  # lost before
                continue
            remove_file(stored)
            stored.save(f"{uuid4().hex}.jpg", ContentFile(picture), save=False)
    photo.save(update_fields=["image", "crop", "key"])
    for vector in Embedding.objects.filter(photo=photo):
        _reseal_vector(vector, photo.key_id)


def reseal_picture(picture: ProbePicture) -> None:
    """Seal a kept picture of a probe that is in the clear, with a key of its own."""
    try:
        content = read_file(picture.image)
    except FileNotFoundError:
        content = b""
    remove_file(picture.image)
    picture.image.save(f"{uuid4().hex}.jpg", ContentFile(content), save=False)
    picture.save(update_fields=["image", "key"])


def reseal_what_others_have(identity_id: int, *, but: Collection[int] = ()) -> int:
    """Photos and vectors of others that a key of this person seals, because they were moved. Returns how many.

    Called before the keys are destroyed: nobody else's photo is lost with them. but: whose are left as they are.
    """
    keys = DataKey.objects.filter(identity=identity_id)
    mine = {identity_id, *but}
    photos = list(Photo.objects.filter(key__in=keys).exclude(identity__in=mine))
    for photo in photos:
        reseal(photo)
    vectors = list(Embedding.objects.filter(key__in=keys).exclude(identity__in=mine))
    for vector in vectors:
        _reseal_vector(vector, keys_of([vector.identity_id])[vector.identity_id])
    return len(photos) + len(vectors)


def _reseal_vector(vector: Embedding, key_id: int) -> None:
    vector.key_id = key_id
    vector.save(update_fields=["vector", "key"])


def discard_files_of(photo: Photo) -> None:
    """Remove what a storage outside of the database still holds of a photo whose row was not saved."""
    for stored in (photo.image, photo.crop):
        if stored.name:
            stored.storage.delete(stored.name)
