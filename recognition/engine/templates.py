"""One representative vector per person in a FAISS flat inner-product index.

Slots are overwritten in place and the last slot fills a gap, so a change costs the same with any number of people. Not
thread-safe by itself; the gallery guards it.
"""

from __future__ import annotations

import faiss
import numpy as np
from numpy.typing import NDArray

from recognition.engine.types import Floats


class TemplateIndex:
    """Vectors in slots 0 .. n-1."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self._index = faiss.IndexFlatIP(dimensions)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def array(self) -> Floats:
        """(n, dimensions) view of the index's own memory; valid until the next append."""
        count = len(self)
        if count == 0:
            return np.empty((0, self.dimensions), np.float32)
        view: Floats = faiss.rev_swig_ptr(self._index.get_xb(), count * self.dimensions)
        return view.reshape(count, self.dimensions)

    def append(self, vector: Floats) -> None:
        self._index.add(vector[None])

    def replace(self, slot: int, vector: Floats) -> None:
        self.array()[slot] = vector

    def drop_last(self) -> None:
        # add() appends at ntotal, so forgetting the last vector is counting one less.
        self._index.ntotal -= 1

    def search(self, probes: Floats, k: int) -> tuple[Floats, NDArray[np.int64]]:
        """Scores and slots of the ``k`` best, both (m, k), best first; ``k`` at most ``len(self)``."""
        # OpenMP inside one search makes it slower where several threads search; the setting is the thread's own.
        faiss.omp_set_num_threads(1)
        scores, slots = self._index.search(probes, k)
        return scores, slots
