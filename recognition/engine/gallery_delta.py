"""The part of the gallery that changes: people who came, or whose vectors changed, since the base was written."""

from __future__ import annotations

import numpy as np

from recognition.engine.gallery_file import Ints
from recognition.engine.templates import TemplateIndex
from recognition.engine.types import Floats


class Delta:
    """People in slots 0 .. n-1; the last one fills a gap. Not thread-safe by itself.

    A person with one vector keeps no photo vector: the template is that vector.
    """

    def __init__(self, dimensions: int) -> None:
        self.vectors = 0
        self.owners: list[int] = []  # slot -> identity
        self._slots: dict[int, int] = {}  # identity -> slot
        self._index = TemplateIndex(dimensions)
        self._photos: dict[int, Floats] = {}  # of people with several vectors
        self._none: Floats = np.empty((0, dimensions), np.float32)

    def __len__(self) -> int:
        return len(self.owners)

    def slot(self, identity_id: object) -> int | None:
        return self._slots.get(identity_id)  # type: ignore[call-overload,no-any-return]

    def put(self, identity_id: int, template: Floats, vectors: Floats) -> None:
        """Add a person, or replace all of it. template: (dimensions,); vectors: (n, dimensions), n at least 1."""
        slot = self._slots.get(identity_id)
        if slot is None:
            self._slots[identity_id] = len(self.owners)
            self.owners.append(identity_id)
            self._index.append(template)
        else:
            self._index.replace(slot, template)
            self.vectors -= self._count(identity_id)
            self._photos.pop(identity_id, None)
        if len(vectors) > 1:
            self._photos[identity_id] = vectors.copy()
        self.vectors += len(vectors)

    def remove(self, identity_id: int) -> bool:
        """False when there is no such person."""
        slot = self._slots.pop(identity_id, None)
        if slot is None:
            return False
        self.vectors -= self._count(identity_id)
        self._photos.pop(identity_id, None)
        last = self.owners.pop()
        if last != identity_id:
            self._index.replace(slot, self._index.array()[-1])
            self.owners[slot] = last
            self._slots[last] = slot
        self._index.drop_last()
        return True

    def nearest(self, probes: Floats, k: int) -> list[tuple[Ints, Floats]]:
        """Slots of each probe's ``k`` most similar people, and their templates' scores."""
        if not len(self):
            return [(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in probes]
        scores, slots = self._index.search(probes, min(k, len(self)))
        return list(zip(slots, scores, strict=True))

    def owners_of(self, slots: Ints) -> Ints:
        return np.array([self.owners[slot] for slot in slots.tolist()], np.int64)

    def templates(self, slots: Ints) -> Floats:
        return self._index.array()[slots]

    def photos(self, slots: Ints) -> tuple[Ints, Floats]:
        """How many vectors beside the template each of these people has, and all of them."""
        found = [self._photos.get(self.owners[slot], self._none) for slot in slots.tolist()]
        counts = np.array([len(rows) for rows in found], np.int64)
        return counts, np.concatenate([self._none, *found])

    def _count(self, identity_id: int) -> int:
        return max(1, len(self._photos.get(identity_id, self._none)))
