"""Vectors of another model for photos that are enrolled already: computed in batches, written beside the old ones.

The face is not looked for again: box and landmarks are known, so that a photo costs reading, aligning and embedding.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from recognition.engine import images
from recognition.engine.alignment import align
from recognition.engine.types import Floats, Image, ImageError
from recognition.models import Embedding, Identity, ModelVersion, Photo
from recognition.services.analysis import get_analyzer
from recognition.services.gallery import record_change

log = logging.getLogger(__name__)

THREADS = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """What a photo held when it was read. processed_at: another one, when its face was looked for again since."""

    pk: int
    processed_at: datetime | None
    picture: bytes
    crop: bytes
    landmarks: list[list[float]] | None


def photos_without(version: ModelVersion) -> QuerySet[Photo]:
    """Ready photos that lack a vector of this model."""
    there = Embedding.objects.filter(photo=OuterRef("pk"), model_version=version)
    return Photo.objects.filter(~Exists(there), state=Photo.State.READY, chosen_face__isnull=False).order_by(
        "pk"
    )


def embed_photos(photos: Sequence[Photo], version: ModelVersion, *, announce: bool) -> list[int]:
    """Compute and keep the vectors of these photos. Returns the numbers of those whose picture cannot be read.

    Photos that changed or went meanwhile are passed over. announce: whether processes that hold a gallery of this
    model learn of it. Raises EngineError when the model cannot be used.
    """
    sources = [source for photo in photos if (source := _read(photo)) is not None]
    with ThreadPoolExecutor(THREADS, thread_name_prefix="reembed") as pool:
        crops = list(pool.map(_crop, sources))
        usable = [(s, crop) for s, crop in zip(sources, crops, strict=True) if crop is not None]
        # Two halves, as the interpreters take one crop at a time; a GPU's embedder takes each half at once.
        middle = (len(usable) + 1) // 2
        halves = [[crop for _, crop in half] for half in (usable[:middle], usable[middle:]) if half]
        vectors = list(pool.map(lambda half: get_analyzer().embed(half, version=version), halves))
    if vectors:
        _keep([source for source, _ in usable], np.concatenate(vectors), version, announce)
    kept = {source.pk for source, _ in usable}
    return [photo.pk for photo in photos if photo.pk not in kept]


def _read(photo: Photo) -> _Source | None:
    face = photo.faces[photo.chosen_face] if (photo.chosen_face or 0) < len(photo.faces) else {}
    picture, crop = _bytes(photo.image), _bytes(photo.crop)
    return _Source(photo.pk, photo.processed_at, picture, crop, face.get("landmarks"))


def _bytes(file: object) -> bytes:
    if not file:
        return b""
    try:
        with file.open("rb") as opened:  # type: ignore[attr-defined]
            return bytes(opened.read())
    except OSError:
        return b""


def _crop(source: _Source) -> Image | None:
    """Aligned from the photo itself; the stored crop, which was compressed once more, is the way out."""
    try:
        if source.picture and source.landmarks:
            return align(images.decode(source.picture), np.array(source.landmarks, np.float32))
    except ImageError:
        log.warning("photo %s cannot be read, its crop is used instead", source.pk)
    try:
        return images.decode(source.crop) if source.crop else None
    except ImageError:
        return None


def _keep(sources: Sequence[_Source], vectors: Floats, version: ModelVersion, announce: bool) -> None:
    with transaction.atomic():
        by_photo = {source.pk: (source, vector) for source, vector in zip(sources, vectors, strict=True)}
        # People before their photos, as erasing and merging lock them.
        owners = Photo.objects.filter(pk__in=by_photo).values("identity")
        locked = set(
            Identity.objects.select_for_update(no_key=True)
            .filter(pk__in=owners)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        photos = [
            photo
            for photo in photos_without(version).select_for_update().filter(pk__in=by_photo)
            if photo.identity_id in locked and photo.processed_at == by_photo[photo.pk][0].processed_at
        ]
        Embedding.objects.bulk_create(
            [
                Embedding(
                    photo=photo,
                    identity_id=photo.identity_id,
                    model_version=version,
                    vector=by_photo[photo.pk][1],
                )
                for photo in photos
            ],
            ignore_conflicts=True,
        )
        if announce:
            record_change(*sorted({photo.identity_id for photo in photos}))
