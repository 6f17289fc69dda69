"""The pictures of probes: as measured, and kept for a while where the site says so (KEEP_PROBES_DAYS).

By default none is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import cv2
import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from recognition.engine.images import decode, encode_jpeg
from recognition.engine.types import Image, ImageError
from recognition.models import DataKey, Decision, ProbePicture
from recognition.services.analysis import Timings
from recognition.services.clock import before
from recognition.services.errors import Invalid
from recognition.services.files import remove_file

MAX_SIDE = 1000  # of a picture that is kept
MAX_PROBE_SIDE = 2000


def keep(probe: UUID, *pictures: Image) -> None:
    """Keep what was shown, two pictures side by side, in the transaction in progress; nothing unless it is on."""
    if settings.KEEP_PROBES_DAYS <= 0:
        return
    row = ProbePicture(probe=probe)
    content = ContentFile(encode_jpeg(_side_by_side(pictures), quality=85), name=f"{uuid4().hex}.jpg")
    row.image = content
    row.save()


def forget_probe_pictures(identity_id: int) -> int:
    """Remove the pictures that were taken for this person; called when it is erased, before its decisions forget it."""
    return remove_pictures(probe_pictures_of(identity_id))


def probe_pictures_of(identity_id: int) -> QuerySet[ProbePicture]:
    """The pictures that were taken for this person, as their decisions say, or staff who corrected them."""
    if not ProbePicture.objects.exists():
        return ProbePicture.objects.none()
    theirs = Q(identity_id=identity_id) | Q(correction__identity_id=identity_id)
    probes = Decision.objects.filter(theirs).values_list("probe", flat=True)
    mentions = Decision.objects.filter(candidates__contains=[{"identity": identity_id}])  # has an index
    best = mentions.filter(candidates__0__identity=identity_id).values_list("probe", flat=True)
    return ProbePicture.objects.filter(probe__in={*probes, *best})


def purge_probe_pictures() -> int:
    """Remove pictures that are older than the site keeps them; all of them where it keeps none any more."""
    days = max(0, settings.KEEP_PROBES_DAYS)
    return remove_pictures(probe_pictures_before(timezone.now() - timedelta(days=days)))


def probe_pictures_before(limit: datetime) -> QuerySet[ProbePicture]:
    return ProbePicture.objects.filter(before("created_at", limit))


def remove_pictures(rows: QuerySet[ProbePicture]) -> int:
    """With their bytes; returns how many."""
    count = 0
    with transaction.atomic():
        for row in rows:
            remove_file(row.image)
            DataKey.objects.filter(pk=row.key_id or 0).delete()
            row.delete()
            count += 1
    return count


def _side_by_side(pictures: tuple[Image, ...]) -> Image:
    """One picture of at most ``MAX_SIDE`` pixels a side."""
    height = min(MAX_SIDE, *(picture.shape[0] for picture in pictures))
    scaled = [
        cv2.resize(p, (max(1, round(p.shape[1] * height / p.shape[0])), height), interpolation=cv2.INTER_AREA)
        for p in pictures
    ]
    joined = np.concatenate(scaled, axis=1)
    share = MAX_SIDE / joined.shape[1]
    if share < 1:
        size = (MAX_SIDE, max(1, round(joined.shape[0] * share)))
        joined = cv2.resize(joined, size, interpolation=cv2.INTER_AREA)
    return np.asarray(joined, np.uint8)


def decode_probe(data: bytes, timings: Timings | None = None) -> Image:
    """Raises Invalid when the bytes are no usable picture."""
    try:
        with (timings or Timings()).step("decode"):
            return decode(data, max_side=MAX_PROBE_SIDE)
    except ImageError as error:
        raise Invalid(error.code, str(error)) from None


@dataclass(frozen=True, slots=True)
class Picture:
    """Upright, at most as large as probes are measured; boxes are in its pixels."""

    width: int
    height: int
    jpeg: bytes


def picture_of(data: bytes) -> Picture:
    """Raises Invalid when the bytes are no usable picture."""
    image = decode_probe(data)
    height, width = image.shape[:2]
    return Picture(width, height, encode_jpeg(image, quality=85))
