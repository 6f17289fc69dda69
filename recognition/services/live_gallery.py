"""The gallery of this process: the last built file, brought up to date from Postgres before each search.

Whoever changes a person's vectors calls `record_change` in the same transaction. Every process compares
the last change number with its own before it searches, so a change counts from the next request on,
in every process, whatever the state of the index file.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from numpy.typing import NDArray

from recognition.engine.gallery import Gallery
from recognition.engine.types import Floats, GalleryError
from recognition.models import GalleryBuild, GalleryChange, Identity, ModelVersion
from recognition.services.policies import active_model

log = logging.getLogger(__name__)

CHANGE_LOCK = 7_261_001  # advisory lock: change numbers are committed in the order in which they are taken
CHUNK = 20_000


def record_change(*identity_ids: int | None) -> None:
    """Log that these people's vectors or states changed. Must run inside the transaction that changes them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHANGE_LOCK])
    GalleryChange.objects.bulk_create(GalleryChange(identity=pk) for pk in identity_ids)


def last_change() -> int:
    return GalleryChange.objects.order_by("-id").values_list("id", flat=True).first() or 0


def gallery_folder() -> Path:
    return Path(settings.DATA_DIR) / "gallery"


def load_vectors(
    version: ModelVersion, identity_ids: list[int] | None = None
) -> tuple[NDArray[np.int64], Floats]:
    """Owners (n,) and unit vectors (n, dimensions) of all active people, or of those given, ordered by owner."""
    sql = (
        "SELECT e.identity_id, vector_send(e.vector) FROM recognition_embedding e"
        " JOIN recognition_identity i ON i.id = e.identity_id"
        " WHERE e.model_version_id = %s AND i.status = %s"
    )
    params: list[Any] = [version.pk, Identity.Status.ACTIVE]
    if identity_ids is not None:
        sql += " AND e.identity_id = ANY(%s)"
        params.append(identity_ids)
    sql += " ORDER BY e.identity_id, e.id"
    owners: list[NDArray[np.int64]] = []
    vectors: list[Floats] = []
    width = version.dimensions
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(CHUNK):
            owners.append(np.fromiter((row[0] for row in rows), np.int64, len(rows)))
            vectors.append(_unit(unpack([row[1] for row in rows], width)))
    if not owners:
        return np.empty(0, np.int64), np.empty((0, width), np.float32)
    return np.concatenate(owners), np.concatenate(vectors)


def unpack(sent: Sequence[bytes], dimensions: int) -> Floats:
    """Vectors (n, dimensions) from what `vector_send` gives: four bytes of header, then big-endian floats.

    Parsing pgvector's text form would take far longer than the query.
    """
    raw = np.frombuffer(b"".join(bytes(one) for one in sent), ">f4").reshape(len(sent), dimensions + 1)
    return raw[:, 1:].astype(np.float32)


def _unit(vectors: Floats) -> Floats:
    """Imported vectors are kept as they came and may have any length; ours are left as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.where(np.abs(lengths - 1) > 1e-5, vectors / lengths, vectors), np.float32)


def build_from_database(version: ModelVersion) -> Gallery:
    """A fresh gallery of all active people, with the change number that it is certain to contain."""
    # Taken before the vectors: a change in between is applied twice, which is harmless; the other order would lose it.
    number = last_change()
    owners, vectors = load_vectors(version)
    gallery = Gallery.from_arrays(version.dimensions, version.name, owners, vectors)
    gallery.change_number = number
    return gallery


class LiveGallery:
    """Holds one `Gallery` and keeps it current. Safe to use from several threads."""

    def __init__(self) -> None:
        self._gallery: Gallery | None = None
        self._lock = Lock()

    def current(self) -> Gallery:
        """The gallery with every committed change in it."""
        number = last_change()
        gallery = self._gallery
        if gallery is not None and gallery.change_number == number:
            return gallery
        with self._lock:
            if self._gallery is None or not self._catch_up(self._gallery, number):
                self._gallery = self._load(number)
            return self._gallery

    def forget(self) -> None:
        with self._lock:
            self._gallery = None

    def _catch_up(self, gallery: Gallery, number: int) -> bool:
        """Apply the changes since the gallery's own; False when it has to be loaded anew."""
        if gallery.change_number == number:
            return True
        if number < gallery.change_number:  # the database was restored from an older backup
            return False
        version = active_model()
        if version.name != gallery.model:
            return False
        oldest = GalleryBuild.objects.filter(model_version=version).order_by("id").first()
        if oldest is not None and gallery.change_number < oldest.change_number:
            return False  # the log before the oldest kept build is pruned
        changed = list(
            GalleryChange.objects.filter(id__gt=gallery.change_number, id__lte=number)
            .values_list("identity", flat=True)
            .distinct()
        )
        if None in changed:
            return False
        wanted = [pk for pk in changed if pk is not None]
        owners, vectors = load_vectors(version, wanted)
        for pk in wanted:
            mine = vectors[owners == pk]
            if len(mine):
                gallery.put(pk, mine)
            else:
                gallery.remove(pk)
        gallery.change_number = number
        return True

    def _load(self, number: int) -> Gallery:
        version = active_model()
        build = GalleryBuild.objects.filter(model_version=version).order_by("-id").first()
        if build is not None:
            try:
                gallery = Gallery.load(
                    gallery_folder() / build.file, dimensions=version.dimensions, model=version.name
                )
                if gallery.generation == build.pk and self._catch_up(gallery, number):
                    return gallery
            except (OSError, GalleryError) as error:
                log.warning("gallery file %s cannot be used (%s), reading Postgres instead", build.file, error)
        gallery = build_from_database(version)
        gallery.generation = build.pk if build else 0
        return gallery


live_gallery = LiveGallery()
