"""Engines outside this process that find candidates: what they have to do, and which one the site uses.

A store holds one template a person and its place in the change log, nothing else. It only proposes people; whoever it
proposes is read from Postgres and scored there, so that a score is never the store's, and nobody who left is found.
"""

from __future__ import annotations

from typing import Protocol

from django.conf import settings

from recognition.engine.gallery_file import Ints
from recognition.engine.types import Floats
from recognition.models import ModelVersion
from recognition.services.gallery.log import Mark

FAISS, PGVECTOR, MILVUS = "faiss", "pgvector", "milvus"


class Store(Protocol):
    """The templates of one model version. Every method raises GalleryError when the engine does not answer.

    Written under the lock of `StoredGallery` only. A write that is cut off is repeated: `put` and `remove` may be
    called again with what they have done.
    """

    def mark(self) -> Mark | None:
        """Up to where in the log the store is current; None when it was never filled."""

    def keep(self, mark: Mark) -> None:
        """What was written before now counts as everything up to this place of the log."""

    def put(self, identities: Ints, templates: Floats) -> None:
        """Add people, or replace their templates. identities: (n,); templates: (n, dimensions) unit vectors."""

    def remove(self, identities: Ints) -> None:
        """People who are not there are passed over."""

    def nearest(self, probes: Floats, k: int) -> list[list[int]]:
        """Identities of each probe's ``k`` most similar people, best first; approximate. probes: (m, dimensions)."""

    def identities(self) -> Ints:
        """(n,) ascending."""

    def __len__(self) -> int: ...

    def __contains__(self, identity_id: object) -> bool: ...

    def tend(self) -> None:
        """Called by a worker now and then: build what makes searches fast."""


def elsewhere() -> bool:
    """Whether candidates are found by an engine outside this process."""
    return bool(settings.GALLERY_BACKEND != FAISS)


def store_of(version: ModelVersion) -> Store:
    """Raises GalleryError when the engine cannot be used."""
    if settings.GALLERY_BACKEND == MILVUS:
        from recognition.services.gallery.milvus import Milvus

        return Milvus(version)
    from recognition.services.gallery.pgvector import PgVector

    return PgVector(version)
