"""Everybody who can be recognised: add, remove, search, save, load.

A gallery is a *base*, the file that was built last, which all processes of a machine share, and a *delta*, the changes
since, which each process holds. A search finds the people of both whose templates are most similar; the best few are
then scored again with their own photo vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from recognition.engine import gallery_build
from recognition.engine.first_stage import AUTO, FLAT, chosen
from recognition.engine.gallery_base import Base
from recognition.engine.gallery_build import People
from recognition.engine.gallery_delta import Delta
from recognition.engine.gallery_file import DamagedRows, GalleryFile, Ints
from recognition.engine.shared_lock import SharedLock
from recognition.engine.types import Floats, Match

Answer = TypeVar("Answer")
# How many people at least get a final score: one whose template is a little further away may have the best
# photo.
CANDIDATES = 32
# Measured on LFW with 3 photos of each of 610 people enrolled, false non-matches at one false match in 1,000 and misses
# at one false identification in 100 searches: template alone 7.6 % and 24.9 %, best photo alone 9.3 % and 30.4 %, their
# mean 7.8 % and 24.2 %, the mean of all photos 10.4 % and 34.8 %, this mixture 7.5 % and 23.8 %.
TEMPLATE_SHARE = 0.75


class Searched:
    """What every gallery answers in the same way, from its `search` and `template`."""

    def search(self, probes: Floats, k: int) -> list[list[Match]]:
        raise NotImplementedError

    def template(self, identity_id: int) -> Floats | None:
        raise NotImplementedError

    def neighbours(self, identity_id: int, k: int) -> list[Match]:
        """The most similar other people of a person, by its template; empty for an unknown person."""
        template = self.template(identity_id)
        if template is None:
            return []
        found = self.search(template[None], k + 1)[0]
        return [match for match in found if match.identity_id != identity_id][:k]


class Gallery(Searched):
    """Safe for many searching threads while others change it.

    change_number, generation: the owner's own marks of how current it is; kept in the file.
    repair: is called with people whose rows in the base are damaged, to `put` or `remove` each; then the search goes
        on. Without it the search raises DamagedRows.
    """

    def __init__(self, dimensions: int, model: str, file: GalleryFile | None = None) -> None:
        self.dimensions = dimensions
        self.model = model
        self.change_number = file.header.change_number if file else 0
        self.generation = file.header.generation if file else 0
        self.repair: Callable[[Gallery, list[int]], object] | None = None
        nobody = gallery_build.header(model, dimensions, FLAT)
        self._base = Base(file or gallery_build.in_memory(nobody, []))
        self._delta = Delta(dimensions)
        self._lock = SharedLock()

    @classmethod
    def from_arrays(
        cls, dimensions: int, model: str, owners: Ints, vectors: Floats, stage: str = AUTO
    ) -> Gallery:
        """A gallery of many people. owners: (n,) identity ids in any order; vectors: (n, dimensions)."""
        owners = np.asarray(owners, np.int64)
        vectors = checked(vectors, dimensions)
        if len(owners) != len(vectors):
            raise ValueError(f"{len(owners)} owners of {len(vectors)} vectors")
        if np.any(owners[1:] < owners[:-1]):
            order = np.argsort(owners, kind="stable")
            owners, vectors = owners[order], vectors[order]
        stage = chosen(stage, len(np.unique(owners)), dimensions)
        header = gallery_build.header(model, dimensions, stage)
        chunks = gallery_build.in_chunks(owners, vectors)
        return cls(dimensions, model, gallery_build.in_memory(header, chunks))

    @classmethod
    def load(cls, path: Path, *, dimensions: int, model: str) -> Gallery:
        """Raises GalleryCorrupt, GalleryIncompatible, or OSError. The remedy of all is to build it anew."""
        return cls(dimensions, model, GalleryFile.open(path, dimensions=dimensions, model=model))

    def save(self, path: Path, stage: str = AUTO) -> None:
        """Write all of it to ``path``, which is replaced at one blow. Raises DamagedRows."""
        with self._lock.read():
            header = gallery_build.header(
                self.model,
                self.dimensions,
                chosen(stage, len(self), self.dimensions),
                change_number=self.change_number,
                generation=self.generation,
            )
            gallery_build.write(path, header, self._everybody())

    def put(self, identity_id: int, vectors: Floats) -> None:
        """Add a person, or replace all its vectors. vectors: (n, dimensions), n at least 1."""
        vectors = checked(vectors, self.dimensions)
        if not len(vectors):
            raise ValueError("a person needs at least one vector")
        template = gallery_build.unit(vectors.sum(0, keepdims=True))[0]
        with self._lock.write():
            self._remove_from_base(identity_id)
            self._delta.put(identity_id, template, vectors)

    def remove(self, identity_id: int) -> bool:
        """False when there is no such person."""
        with self._lock.write():
            return self._remove_from_base(identity_id) or self._delta.remove(identity_id)

    def search(self, probes: Floats, k: int) -> list[list[Match]]:
        """The ``k`` most similar people of each probe, best first. probes: (m, dimensions) unit vectors."""
        probes = checked(probes, self.dimensions)
        if k < 1 or not len(probes):
            return [[] for _ in probes]
        return self._read(lambda: self._search(probes, k))

    def score(self, probe: Floats, identity_id: int) -> Match | None:
        """How much the probe (dimensions,) resembles this person; None when there is no such person."""
        probe = checked(np.asarray(probe)[None], self.dimensions)[0]
        return self._read(lambda: self._score(probe, identity_id))

    def template(self, identity_id: int) -> Floats | None:
        """The person's representative vector (dimensions,): the mean of its unit vectors, normalised."""

        def template() -> Floats | None:
            part, slot = self._where(identity_id)
            return None if slot is None else part.templates(np.array([slot]))[0].copy()

        return self._read(template)

    def identities(self) -> list[int]:
        with self._lock.read():
            return [*self._base.identities().tolist(), *self._delta.owners]

    @property
    def vector_count(self) -> int:
        """How many vectors were enrolled."""
        return self._base.vectors + self._delta.vectors

    @property
    def changed(self) -> int:
        """How many people came or went since the base was written; a search gets slower with them."""
        return self._base.gone + len(self._delta)

    def __len__(self) -> int:
        return self._base.people + len(self._delta)

    def __contains__(self, identity_id: object) -> bool:
        return self._where(identity_id)[1] is not None

    def _where(self, identity_id: object) -> tuple[Base | Delta, int | None]:
        slot = self._delta.slot(identity_id)
        return (self._base, self._base.slot(identity_id)) if slot is None else (self._delta, slot)

    def _remove_from_base(self, identity_id: int) -> bool:
        slot = self._base.slot(identity_id)
        if slot is not None:
            self._base.remove(slot)
        return slot is not None

    def _read(self, read: Callable[[], Answer]) -> Answer:
        """The answer, after people whose rows were damaged have been repaired."""
        while True:
            try:
                with self._lock.read():
                    return read()
            except DamagedRows as damage:
                if self.repair is None:
                    raise
                self.repair(self, damage.owners)
                if any(self._base.slot(owner) is not None for owner in damage.owners):
                    raise

    def _search(self, probes: Floats, k: int) -> list[list[Match]]:
        wanted = max(2 * k, CANDIDATES)
        base = self._base.nearest(probes, wanted)
        delta = self._delta.nearest(probes, wanted)
        return [self._best(probes[i], base[i], delta[i], wanted)[:k] for i in range(len(probes))]

    def _best(
        self, probe: Floats, base: tuple[Ints, Floats], delta: tuple[Ints, Floats], wanted: int
    ) -> list[Match]:
        """Final scores of those whose templates score best, best first."""
        border = np.sort(np.concatenate([base[1], delta[1]]))[-wanted:][:1]
        found: list[Match] = []
        for part, (slots, scores) in ((self._base, base), (self._delta, delta)):
            kept = scores >= border
            found += self._matches(part, probe, slots[kept], scores[kept])
        return sorted(found, key=lambda match: -match.score)

    def _matches(
        self, part: Base | Delta, probe: Floats, slots: Ints, template_scores: Floats
    ) -> list[Match]:
        if not len(slots):
            return []
        counts, photos = part.photos(slots)
        scores = fuse(template_scores, counts, np.einsum("ij,j->i", photos, probe))
        owners = part.owners_of(slots).tolist()
        return [Match(*row) for row in zip(owners, scores.tolist(), template_scores.tolist(), strict=True)]

    def _everybody(self) -> Iterator[People]:
        base, delta = self._base.slots(), np.argsort(np.array(self._delta.owners, np.int64))
        came = np.array(self._delta.owners, np.int64)[delta]
        # A chunk ends with a person of the base; those of the delta who come before that one go with it.
        ends = [*range(gallery_build.CHUNK, len(base), gallery_build.CHUNK), len(base)]
        start = taken = 0
        for end in ends:
            last = self._base.file.owners[base[end - 1]] if end < len(base) else np.iinfo(np.int64).max
            upto = int(np.searchsorted(came, last))
            yield _people(self._base, base[start:end]).merged(_people(self._delta, delta[taken:upto]))
            start, taken = end, upto

    def _score(self, probe: Floats, identity_id: int) -> Match | None:
        part, slot = self._where(identity_id)
        if slot is None:
            return None
        slots = np.array([slot])
        return self._matches(part, probe, slots, np.einsum("ij,j->i", part.templates(slots), probe))[0]


def _people(part: Base | Delta, slots: Ints) -> People:
    return People(part.owners_of(slots), part.templates(slots), *part.photos(slots))


def fuse(template_scores: Floats, counts: Sequence[int] | Ints, photo_scores: Floats) -> Floats:
    """Final scores (n,) of n people: three parts of the template's score and one of the best photo's.

    counts: how many of ``photo_scores`` belong to each person; with none, the template's score is final.
    """
    final = np.array(template_scores, np.float32)
    length = np.asarray(counts)
    several = length > 0
    if several.any():
        starts = (np.cumsum(length) - length)[several]
        best = np.maximum.reduceat(photo_scores, starts)
        final[several] = TEMPLATE_SHARE * final[several] + (1 - TEMPLATE_SHARE) * best
    return final


def checked(vectors: Floats | NDArray[np.float64], dimensions: int) -> Floats:
    """(n, dimensions) as float32, one block of memory. Raises ValueError for another shape."""
    vectors = np.ascontiguousarray(vectors, np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != dimensions:
        raise ValueError(f"vectors of shape {vectors.shape} instead of (n, {dimensions})")
    return vectors
