"""The part of the gallery that a file holds: everybody at one moment. People go from it, by marks; nobody is added."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recognition.engine.first_stage import RABITQ, Codes, FirstStage, Flat, nearest_halves
from recognition.engine.gallery_build import ranges
from recognition.engine.gallery_file import GalleryFile, Ints
from recognition.engine.types import Floats


class Base:
    """Slots 0 .. n-1 are the people of the file; not thread-safe by itself."""

    def __init__(self, file: GalleryFile) -> None:
        self.file = file
        self.people = file.header.people  # who have not gone
        self.vectors = file.header.vectors
        self._gone: NDArray[np.bool_] = np.zeros(self.people, np.bool_)
        self._stage = _stage(file)

    @property
    def gone(self) -> int:
        return len(self._gone) - self.people

    def slot(self, identity_id: object) -> int | None:
        """None for whoever is not, or no longer, in the base."""
        if not isinstance(identity_id, (int, np.integer)):
            return None
        slot = int(np.searchsorted(self.file.owners, identity_id))
        there = slot < len(self._gone) and self.file.owners[slot] == identity_id and not self._gone[slot]
        return slot if there else None

    def remove(self, slot: int) -> None:
        self._gone[slot] = True
        self.people -= 1
        self.vectors -= max(1, int(self.file.starts[slot + 1] - self.file.starts[slot]) - 1)

    def identities(self) -> Ints:
        return self.file.owners[~self._gone]

    def slots(self) -> Ints:
        return np.flatnonzero(~self._gone)

    def nearest(self, probes: Floats, k: int) -> list[tuple[Ints, Floats]]:
        """Slots of each probe's ``k`` most similar people, and their templates' scores. Raises DamagedRows."""
        k = min(k, self.people)
        if k < 1:
            return [(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in probes]
        if self._stage.exact:
            return [(slots[:k], scores[:k]) for slots, scores in self._alive(probes, k)]
        wanted = max(k, self._stage.candidates)
        return [
            self._scored(probe, slots, k)
            for probe, (slots, _) in zip(probes, self._alive(probes, wanted), strict=True)
        ]

    def owners_of(self, slots: Ints) -> Ints:
        return self.file.owners[slots]

    def templates(self, slots: Ints) -> Floats:
        """(n, dimensions). Raises DamagedRows."""
        return self.file.read(self.file.starts[slots])

    def photos(self, slots: Ints) -> tuple[Ints, Floats]:
        """How many vectors beside the template each of these people has, and all of them. Raises DamagedRows."""
        first = self.file.starts[slots] + 1
        counts = self.file.starts[slots + 1] - first
        return counts, self.file.read(ranges(first, counts))

    def _alive(self, probes: Floats, k: int) -> list[tuple[Ints, Floats]]:
        """The stage's best of those who have not gone: at least ``k``, or all of them."""
        people = len(self._gone)
        fetched = min(people, k + min(self.gone, k))
        while True:
            scores, slots = self._stage.search(probes, fetched)
            alive = (slots >= 0) & ~self._gone[slots]
            if fetched == people or int(alive.sum(1).min()) >= min(k, self.people):
                return [(slots[i, alive[i]], scores[i, alive[i]]) for i in range(len(probes))]
            fetched = min(people, 4 * fetched)

    def _scored(self, probe: Floats, slots: Ints, k: int) -> tuple[Ints, Floats]:
        slots = np.sort(slots)  # rows are read in the order of the file
        scores, best = nearest_halves(self.file.stored(self.file.starts[slots]), probe, k)
        return slots[best], scores


def _stage(file: GalleryFile) -> FirstStage:
    header = file.header
    if header.stage == RABITQ:
        return Codes.restored(header.dimensions, header.people, file.stage)
    templates = np.empty((header.people, header.dimensions), np.float32)
    starts = file.starts[:-1]
    for start, rows in file.blocks():
        first, last = np.searchsorted(starts, [start, start + len(rows)])
        templates[first:last] = rows[starts[first:last] - start, : header.dimensions]
    return Flat(templates)
