"""Enrolment photos that a site keeps for a time only: the original, its crop, and photos that were rejected.

The vector stays, so that the person is recognised all the same. A time of the future counts as such for photos in use:
what people are known by is not to be lost to a clock that is behind.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from recognition.models import Photo
from recognition.services.clock import before
from recognition.services.enrolment.photos import lock_photo
from recognition.services.files import remove_file, remove_files_of

READY, REJECTED = Photo.State.READY, Photo.State.REJECTED


def originals_before(limit: datetime) -> QuerySet[Photo]:
    """Photos that count, were added before, and still have their picture."""
    return Photo.objects.filter(state=READY, created_at__lt=limit).exclude(image="")


def crops_before(limit: datetime) -> QuerySet[Photo]:
    return Photo.objects.filter(state=READY, created_at__lt=limit).exclude(crop="")


def rejected_before(limit: datetime) -> QuerySet[Photo]:
    return Photo.objects.filter(before("created_at", limit), state=REJECTED)


def drop_originals(limit: datetime) -> int:
    """Remove the pictures, keep crops and vectors; returns how many. Another face can then not be chosen any more."""
    return _each(originals_before(limit), _drop_original)


def drop_crops(limit: datetime) -> int:
    """Remove the crops; returns how many. Without original and crop no other model can compute a vector."""
    return _each(crops_before(limit), _drop_crop)


def drop_rejected(limit: datetime) -> int:
    """Remove photos that never counted, whole; returns how many."""
    return _each(rejected_before(limit), _drop_whole)


def _each(rows: QuerySet[Photo], drop: Callable[[Photo], None]) -> int:
    """One transaction a photo: somebody may be looking at it again, and the rest goes on the next time."""
    count = 0
    for photo in rows.only("identity").iterator(chunk_size=500):
        with transaction.atomic():
            current = lock_photo(photo, rows.filter(pk=photo.pk))
            if current is not None:
                drop(current)
                count += 1
    return count


def _drop_original(photo: Photo) -> None:
    remove_file(photo.image)
    photo.image = ""
    photo.save(update_fields=["image"])


def _drop_crop(photo: Photo) -> None:
    remove_file(photo.crop)
    photo.crop = ""
    photo.save(update_fields=["crop"])


def _drop_whole(photo: Photo) -> None:
    remove_files_of(photo)
    photo.delete()
