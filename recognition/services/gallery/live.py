"""The gallery of this process: the last built file, brought up to date from Postgres before each search.

Whoever changes a person's vectors calls `record_change` in the same transaction. Every process compares
the last change number with its own before it searches, so a change counts from the next request on,
in every process, whatever the state of the index file.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from django.conf import settings
from django.db import connection

from recognition.engine.gallery import Gallery
from recognition.engine.types import GalleryError
from recognition.models import GalleryBuild, GalleryChange, ModelVersion
from recognition.services import queue
from recognition.services.analysis import active_model
from recognition.services.gallery.vectors import load_vectors

log = logging.getLogger(__name__)

CHANGE_LOCK = 7_261_001  # advisory lock: change numbers are committed in the order in which they are taken
MOST_CHANGES = 5_000  # people; beyond that, loading everything is the faster way
RETRY_SECONDS = 60.0


def record_change(*identity_ids: int | None) -> None:
    """Log that these people's vectors or states changed. Must run inside the transaction that changes them."""
    if not connection.in_atomic_block:
        raise RuntimeError("a change is recorded in the transaction that makes it")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHANGE_LOCK])
    GalleryChange.objects.bulk_create(GalleryChange(identity=pk) for pk in identity_ids)


class Mark(NamedTuple):
    """A place in the log. The time tells it from a place of the same number in a restored database's log."""

    number: int
    at: datetime | None = None  # None for one that was read from a file


def last_mark() -> Mark:
    row = GalleryChange.objects.order_by("-id").values_list("id", "created_at").first()
    return Mark(*row) if row else Mark(0)


def last_change() -> int:
    return last_mark().number


def gallery_folder() -> Path:
    """Where the built file is: in memory (GALLERY_DIR), because it holds everybody's vectors in the clear."""
    return Path(settings.GALLERY_DIR)


def check_folder(folder: Path) -> None:
    """Raises GalleryError when another account could have put files there: folders in memory are open to all."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return
    if found.st_uid != os.geteuid() or stat.S_ISLNK(found.st_mode) or found.st_mode & 0o022:
        raise GalleryError(
            f"{folder} belongs to another account, or others may write there. Set GALLERY_DIR."
        )


def build_from_database(version: ModelVersion) -> Gallery:
    """A fresh gallery of all active people, with the change number that it is certain to contain."""
    # Taken before the vectors: a change in between is applied twice, which is harmless; the other order would lose it.
    return _build(version, last_mark())


def _build(version: ModelVersion, mark: Mark) -> Gallery:
    owners, vectors = load_vectors(version)
    gallery = Gallery.from_arrays(
        version.dimensions, version.name, owners, vectors, stage=settings.GALLERY_INDEX
    )
    gallery.change_number = mark.number
    return gallery


class LiveGallery:
    """Holds one `Gallery` and keeps it current. Safe to use from several threads.

    version: of which model its vectors are, asked for whenever something is read.
    """

    def __init__(self, version: Callable[[], ModelVersion] = active_model) -> None:
        self._version = version
        self._held: tuple[Gallery, Mark] | None = None
        self._lock = Lock()
        self._complained = -RETRY_SECONDS

    def current(self, mark: Mark | None = None) -> Gallery:
        """The gallery with every committed change in it. mark: where the log ends, if it was just asked for."""
        mark = mark or last_mark()
        held = self._held
        if held is not None and held[1] == mark:
            return held[0]
        with self._lock:
            mark = last_mark()  # others may have gone further while this thread waited
            if self._held is None or not _catch_up(*self._held, mark, self._version()):
                self._held = self._load(mark), mark
            else:
                self._held = self._held[0], mark
            return self._held[0]

    def forget(self) -> None:
        with self._lock:
            self._held = None

    def _load(self, mark: Mark) -> Gallery:
        version = self._version()
        build = GalleryBuild.objects.filter(model_version=version).order_by("-id").first()
        if build is not None:
            gallery = self._read(build, version)
            if gallery is not None and _catch_up(gallery, Mark(gallery.change_number), mark, version):
                return gallery
        gallery = _build(version, mark)
        gallery.generation = build.pk if build else 0
        return gallery

    def _read(self, build: GalleryBuild, version: ModelVersion) -> Gallery | None:
        """The gallery of the file; None, and a request to build it anew, when the file cannot be used."""
        path = gallery_folder() / build.file
        try:
            check_folder(path.parent)
            gallery = Gallery.load(path, dimensions=version.dimensions, model=version.name)
            if (gallery.generation, gallery.change_number) == (build.pk, build.change_number):
                return gallery
            error: Exception | str = "it is of another build"
        except (OSError, GalleryError) as problem:
            error = problem
        log.warning("gallery file %s cannot be used (%s), reading Postgres instead", build.file, error)
        if time.monotonic() - self._complained >= RETRY_SECONDS:
            self._complained = time.monotonic()
            queue.enqueue(queue.REBUILD_INDEX)
        return None


def _catch_up(gallery: Gallery, own: Mark, mark: Mark, version: ModelVersion) -> bool:
    """Apply the changes between two places of the log; False when the gallery has to be loaded anew."""
    if own == mark or own == Mark(mark.number):
        return True
    # One query, so that nothing between the two can be pruned unnoticed: pruning begins at the old end.
    rows = list(
        GalleryChange.objects.filter(id__gte=own.number, id__lte=mark.number)
        .order_by("id")
        .values_list("id", "created_at", "identity")
    )
    # Without our own place the log is pruned, or it is that of a database restored from a backup.
    if not rows or rows[0][0] != own.number or own.at not in (None, rows[0][1]):
        return False
    changed = sorted({identity for _, _, identity in rows[1:] if identity is not None})
    everything = any(identity is None for _, _, identity in rows[1:])
    if everything or len(changed) > MOST_CHANGES or version.name != gallery.model:
        return False
    owners, vectors = load_vectors(version, changed)
    starts, ends = np.searchsorted(owners, changed), np.searchsorted(owners, changed, side="right")
    for pk, start, end in zip(changed, starts.tolist(), ends.tolist(), strict=True):
        if start < end:
            gallery.put(pk, vectors[start:end])
        else:
            gallery.remove(pk)
    gallery.change_number = mark.number
    return True


live_gallery = LiveGallery()
