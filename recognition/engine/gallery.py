"""Everybody who can be recognised: add, remove, search, save, load.

The search has two stages. FAISS compares the probe with one representative vector per person; the best few
are then scored again with their own photo vectors, which are kept in half precision (an error of about 1e-5
in the score).
A person with one vector keeps no photo vector: the template is that vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recognition.engine import gallery_file
from recognition.engine.gallery_file import Halves, Header, Stored
from recognition.engine.shared_lock import SharedLock
from recognition.engine.templates import TemplateIndex
from recognition.engine.types import Floats, Match

# How many people at least get a final score: one whose template is a little further away may have the best
# photo.
CANDIDATES = 32
# Measured on LFW with 3 photos of each of 610 people enrolled, false non-matches at one false match in 1,000 and misses
# at one false identification in 100 searches: template alone 7.6 % and 24.9 %, best photo alone 9.3 % and 30.4 %, their
# mean 7.8 % and 24.2 %, the mean of all photos 10.4 % and 34.8 %, this mixture 7.5 % and 23.8 %.
TEMPLATE_SHARE = 0.75


class Gallery:
    """Safe for many searching threads while others change it.

    change_number, generation: the owner's own marks of how current it is; kept in the file.
    vector_count: how many vectors were enrolled.
    """

    def __init__(self, dimensions: int, model: str) -> None:
        self.dimensions = dimensions
        self.model = model
        self.change_number = 0
        self.generation = 0
        self.vector_count = 0
        self._index = TemplateIndex(dimensions)
        self._owners: list[int] = []  # slot of the index -> identity
        self._slots: dict[int, int] = {}  # identity -> slot
        self._photos: dict[int, Halves] = {}  # of people with several vectors
        self._none: Halves = np.empty((0, dimensions), np.float16)
        self._lock = SharedLock()

    @classmethod
    def from_arrays(cls, dimensions: int, model: str, owners: NDArray[np.int64], vectors: Floats) -> Gallery:
        """A gallery of many people. owners: (n,) identity ids in any order; vectors: (n, dimensions)."""
        owners = np.asarray(owners, np.int64)
        vectors = _checked(vectors, dimensions)
        if len(owners) != len(vectors):
            raise ValueError(f"{len(owners)} owners of {len(vectors)} vectors")
        gallery = cls(dimensions, model)
        if not len(owners):
            return gallery
        if np.any(owners[1:] < owners[:-1]):
            order = np.argsort(owners, kind="stable")
            owners, vectors = owners[order], vectors[order]
        people, starts, counts = np.unique(owners, return_index=True, return_counts=True)
        halves = vectors.astype(np.float16)
        photos = [halves[a : a + n] if n > 1 else halves[:0] for a, n in zip(starts, counts, strict=True)]
        gallery._fill(people, _unit(_sums(vectors, starts, counts)), photos)
        gallery.vector_count = len(vectors)
        return gallery

    @classmethod
    def load(cls, path: Path, *, dimensions: int, model: str) -> Gallery:
        """Raises GalleryCorrupt, GalleryIncompatible, or OSError. The remedy of all is to build it anew."""
        stored = gallery_file.read(path, dimensions=dimensions, model=model)
        gallery = cls(dimensions, model)
        gallery._fill(stored.owners, stored.templates, stored.photos)
        gallery.vector_count = stored.header.vectors
        gallery.change_number = stored.header.change_number
        gallery.generation = stored.header.generation
        return gallery

    def save(self, path: Path) -> None:
        """Write all of it to ``path``, which is replaced at one blow."""
        with self._lock.read():
            templates = self._index.array().copy()
            owners = np.array(self._owners, np.int64)
            photos = [self._photos_of(owner) for owner in self._owners]
            marks = (self.vector_count, self.change_number, self.generation)
        counts = np.array([len(rows) for rows in photos], np.int64)
        vectors, change_number, generation = marks
        header = Header(
            model=self.model,
            dimensions=self.dimensions,
            people=len(owners),
            vectors=vectors,
            rows=int(counts.sum()),
            change_number=change_number,
            generation=generation,
        )
        gallery_file.write(path, Stored(header, owners, counts, templates, photos))

    def put(self, identity_id: int, vectors: Floats) -> None:
        """Add a person, or replace all its vectors. vectors: (n, dimensions), n at least 1."""
        vectors = _checked(vectors, self.dimensions)
        if not len(vectors):
            raise ValueError("a person needs at least one vector")
        template = _unit(vectors.sum(0, keepdims=True))[0]
        with self._lock.write():
            slot = self._slots.get(identity_id)
            if slot is None:
                self._slots[identity_id] = len(self._owners)
                self._owners.append(identity_id)
                self._index.append(template)
            else:
                self._index.replace(slot, template)
                self.vector_count -= self._count(identity_id)
                self._photos.pop(identity_id, None)
            if len(vectors) > 1:
                self._photos[identity_id] = vectors.astype(np.float16)
            self.vector_count += len(vectors)

    def remove(self, identity_id: int) -> bool:
        """False when there is no such person."""
        with self._lock.write():
            slot = self._slots.pop(identity_id, None)
            if slot is None:
                return False
            self.vector_count -= self._count(identity_id)
            self._photos.pop(identity_id, None)
            last = self._owners.pop()
            if last != identity_id:
                self._index.replace(slot, self._index.array()[-1])
                self._owners[slot] = last
                self._slots[last] = slot
            self._index.drop_last()
            return True

    def search(self, probes: Floats, k: int) -> list[list[Match]]:
        """The ``k`` most similar people of each probe, best first. probes: (m, dimensions) unit vectors."""
        probes = _checked(probes, self.dimensions)
        with self._lock.read():
            wanted = min(len(self._owners), max(2 * k, CANDIDATES))
            if wanted < 1 or k < 1 or not len(probes):
                return [[] for _ in probes]
            scores, slots = self._index.search(probes, wanted)
            found = [self._matches(*row) for row in zip(probes, slots.tolist(), scores, strict=True)]
        return [matches[:k] for matches in found]

    def neighbours(self, identity_id: int, k: int) -> list[Match]:
        """The most similar other people of a person, by its template; empty for an unknown person."""
        template = self.template(identity_id)
        if template is None:
            return []
        found = self.search(template[None], k + 1)[0]
        return [match for match in found if match.identity_id != identity_id][:k]

    def score(self, probe: Floats, identity_id: int) -> Match | None:
        """How much the probe (dimensions,) resembles this person; None when there is no such person."""
        probe = _checked(np.asarray(probe)[None], self.dimensions)[0]
        with self._lock.read():
            slot = self._slots.get(identity_id)
            if slot is None:
                return None
            return self._matches(probe, [slot], self._index.array()[[slot]] @ probe)[0]

    def template(self, identity_id: int) -> Floats | None:
        """The person's representative vector (dimensions,): the mean of its unit vectors, normalised."""
        with self._lock.read():
            slot = self._slots.get(identity_id)
            return None if slot is None else self._index.array()[slot].copy()

    def identities(self) -> list[int]:
        with self._lock.read():
            return list(self._owners)

    def __len__(self) -> int:
        return len(self._owners)

    def __contains__(self, identity_id: object) -> bool:
        return identity_id in self._slots

    def _matches(self, probe: Floats, slots: list[int], template_scores: Floats) -> list[Match]:
        """Final scores of the people in these slots, best first."""
        owners = [self._owners[slot] for slot in slots]
        photos = [self._photos_of(owner) for owner in owners]
        scores = fuse(template_scores, [len(rows) for rows in photos], np.concatenate(photos) @ probe)
        order = np.argsort(-scores, kind="stable").tolist()
        return [Match(owners[i], float(scores[i]), float(template_scores[i])) for i in order]

    def _photos_of(self, identity_id: int) -> Halves:
        rows = self._photos.get(identity_id)
        return self._none if rows is None else rows

    def _count(self, identity_id: int) -> int:
        return max(1, len(self._photos_of(identity_id)))

    def _fill(self, owners: NDArray[np.int64], templates: Floats, photos: Sequence[Halves]) -> None:
        self._owners = owners.tolist()
        self._slots = {owner: slot for slot, owner in enumerate(self._owners)}
        self._photos = {owner: rows for owner, rows in zip(self._owners, photos, strict=True) if len(rows)}
        self._index = TemplateIndex(self.dimensions, templates)


def fuse(template_scores: Floats, counts: Sequence[int], photo_scores: Floats) -> Floats:
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


def _checked(vectors: Floats, dimensions: int) -> Floats:
    vectors = np.ascontiguousarray(vectors, np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != dimensions:
        raise ValueError(f"vectors of shape {vectors.shape} instead of (n, {dimensions})")
    return vectors


def _sums(vectors: Floats, starts: NDArray[np.intp], counts: NDArray[np.intp]) -> Floats:
    """(n, dimensions) sums of the rows from each start; much faster than reduceat for a few rows each."""
    sums = vectors[starts]
    for row in range(1, int(counts.max())):
        longer = counts > row
        sums[longer] += vectors[starts[longer] + row]
    return sums


def _unit(sums: Floats) -> Floats:
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths)):
        raise ValueError("a vector holds a number that is not finite")
    return np.asarray(sums / np.maximum(lengths, 1e-12), np.float32)
