"""The gallery of this process: the last built file, brought up to date from Postgres before each search.

Whoever changes a person's vectors calls `record_change` in the same transaction. Every process compares
the last change number with its own before it searches, so a change counts from the next request on,
in every process, whatever the state of the index file.
"""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
from django.conf import settings

from recognition.engine.first_stage import chosen
from recognition.engine.gallery import Gallery
from recognition.engine.gallery_build import header, in_memory, write
from recognition.engine.types import GalleryError
from recognition.models import GalleryBuild, Identity, ModelVersion
from recognition.services import queue
from recognition.services.analysis import active_model
from recognition.services.gallery.log import Mark, changed_between, last_mark
from recognition.services.gallery.store import elsewhere
from recognition.services.gallery.stored import StoredGallery
from recognition.services.gallery.vectors import everybody, load_vectors

log = logging.getLogger(__name__)

# Both answer the same questions.
AnyGallery = Gallery | StoredGallery

RETRY_SECONDS = 60.0
RENEW_SECONDS = 60.0


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


def build_from_database(version: ModelVersion, path: Path | None = None, generation: int = 0) -> Gallery:
    """A fresh gallery of all active people, with the change number that it is certain to contain.

    path: where it is written for all processes of this machine; without, it is this process's alone. Raises OSError.
    """
    # Taken before the vectors: a change in between is applied twice, which is harmless; the other order would lose it.
    return _build(version, last_mark(), path, generation)


def _build(version: ModelVersion, mark: Mark, path: Path | None = None, generation: int = 0) -> Gallery:
    people = Identity.objects.filter(status=Identity.Status.ACTIVE).count()
    head = header(
        version.name,
        version.dimensions,
        chosen(settings.GALLERY_INDEX, people, version.dimensions),
        change_number=mark.number,
        generation=generation,
    )
    if path is None:
        return Gallery(version.dimensions, version.name, in_memory(head, everybody(version)))
    write(path, head, everybody(version))
    return Gallery.load(path, dimensions=version.dimensions, model=version.name)


@contextmanager
def sole_builder_here(folder: Path) -> Iterator[None]:
    """One process of this machine at a time. Raises OSError where nothing can be written, GalleryError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_folder(folder)
    with (folder / "building").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class LiveGallery:
    """Holds one `Gallery` and keeps it current. Safe to use from several threads.

    version: of which model its vectors are, asked for whenever something is read.
    """

    def __init__(self, version: Callable[[], ModelVersion] = active_model) -> None:
        self._version = version
        self._held: tuple[Gallery, Mark] | None = None
        self._stored: StoredGallery | None = None
        self._lock = Lock()
        self._renewing = Lock()
        self._renewed = 0.0
        self._complained = -RETRY_SECONDS

    def current(self, mark: Mark | None = None) -> AnyGallery:
        """The gallery with every committed change in it. mark: where the log ends, if it was just asked for."""
        mark = mark or last_mark()
        if elsewhere():
            return self._stored_up_to(mark)
        self._renew()
        held = self._held
        if held is not None and held[1] == mark:
            return held[0]
        with self._lock:
            mark = last_mark()  # others may have gone further while this thread waited
            if self._held is None or not _catch_up(*self._held, mark, self._version()):
                self._held = self._load(mark), mark
                self._renewed = time.monotonic()
            else:
                self._held = self._held[0], mark
            return self._held[0]

    def forget(self) -> None:
        with self._lock:
            self._held = self._stored = None

    def _stored_up_to(self, mark: Mark) -> StoredGallery:
        version = self._version()
        stored = self._stored
        if stored is None or stored.version.pk != version.pk:
            stored = self._stored = StoredGallery(version)
        stored.catch_up(mark)
        return stored

    def _renew(self) -> None:
        """Now and then go over to the file that was built last: the own changes since then are fewer, and memory of
        the former file is given back when the last process has left it. Nobody waits while it is opened."""
        held = self._held
        if held is None or time.monotonic() - self._renewed < RENEW_SECONDS:
            return
        if not self._renewing.acquire(blocking=False):
            return
        try:
            self._renewed = time.monotonic()
            version = self._version()
            build = _newest(version)
            if build is None or build.pk == held[0].generation or version.name != held[0].model:
                return
            gallery = self._read(build, version)
            if gallery is None:
                return
            with self._lock:
                mark = last_mark()
                if _catch_up(gallery, Mark(gallery.change_number), mark, version):
                    self._held = gallery, mark
        finally:
            self._renewing.release()

    def _load(self, mark: Mark) -> Gallery:
        version = self._version()
        build = _newest(version)
        if build is not None:
            gallery = self._read(build, version)
            if gallery is None:
                gallery = self._build_for_all(build, version, mark)
            if gallery is not None and _catch_up(gallery, Mark(gallery.change_number), mark, version):
                return gallery
        gallery = _build(version, mark)
        gallery.generation = build.pk if build else 0
        gallery.repair = partial(self._repair, version)
        return gallery

    def _read(self, build: GalleryBuild, version: ModelVersion) -> Gallery | None:
        """The gallery of the file; None, and a request to build it anew, when the file cannot be used."""
        path = gallery_folder() / build.file
        try:
            check_folder(path.parent)
            gallery = Gallery.load(path, dimensions=version.dimensions, model=version.name)
            # One that a process of this machine built in place of a missing one is newer.
            if gallery.generation == build.pk and gallery.change_number >= build.change_number:
                gallery.repair = partial(self._repair, version)
                return gallery
            error: Exception | str = "it is of another build"
        except (OSError, GalleryError) as problem:
            error = problem
        log.warning("gallery file %s cannot be used (%s), reading Postgres instead", build.file, error)
        self._ask_for_a_build()
        return None

    def _build_for_all(self, build: GalleryBuild, version: ModelVersion, mark: Mark) -> Gallery | None:
        """The missing or damaged file from Postgres, by the first process of this machine that wants it; the others
        wait for it. None when it cannot be written."""
        try:
            with sole_builder_here(gallery_folder()):
                gallery = self._read(build, version)  # another process may have been faster
                if gallery is None:
                    gallery = _build(version, mark, gallery_folder() / build.file, build.pk)
                    gallery.repair = partial(self._repair, version)
                return gallery
        except (OSError, GalleryError) as error:
            log.warning("gallery file %s cannot be written (%s)", build.file, error)
            return None

    def _repair(self, version: ModelVersion, gallery: Gallery, people: list[int]) -> None:
        """Take people whose rows in the file are damaged from Postgres."""
        log.error(
            "vectors of %s people in the gallery file are damaged, reading Postgres instead", len(people)
        )
        self._ask_for_a_build()
        with self._lock:  # so that no newer change is overwritten
            _apply(gallery, version, people)

    def _ask_for_a_build(self) -> None:
        if time.monotonic() - self._complained >= RETRY_SECONDS:
            self._complained = time.monotonic()
            queue.enqueue(queue.REBUILD_INDEX)


def _newest(version: ModelVersion) -> GalleryBuild | None:
    return GalleryBuild.objects.filter(model_version=version).order_by("-id").first()


def _catch_up(gallery: Gallery, own: Mark, mark: Mark, version: ModelVersion) -> bool:
    """Apply the changes between two places of the log; False when the gallery has to be loaded anew."""
    changed = changed_between(own, mark, gallery) if version.name == gallery.model else None
    if changed is None:
        return False
    if changed:
        _apply(gallery, version, changed)
    gallery.change_number = mark.number
    return True


def _apply(gallery: Gallery, version: ModelVersion, people: list[int]) -> None:
    """Bring these people, in ascending order, to what Postgres has of them."""
    owners, vectors = load_vectors(version, people)
    starts, ends = np.searchsorted(owners, people), np.searchsorted(owners, people, side="right")
    for pk, start, end in zip(people, starts.tolist(), ends.tolist(), strict=True):
        if start < end:
            gallery.put(pk, vectors[start:end])
        else:
            gallery.remove(pk)


live_gallery = LiveGallery()
