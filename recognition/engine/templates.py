"""The first stage of the search: one representative vector per person in a FAISS flat inner-product index.

Slots are overwritten in place and the last slot fills a gap, so a change costs the same in a gallery of any
size. Not thread-safe by itself; the gallery guards it.
"""

from __future__ import annotations

import logging
from threading import Lock
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from recognition.engine.types import Floats

log = logging.getLogger(__name__)


class TemplateIndex:
    """Vectors in slots 0 .. n-1."""

    def __init__(self, dimensions: int, vectors: Floats | None = None) -> None:
        self.dimensions = dimensions
        self._index = faiss.IndexFlatIP(dimensions)
        if vectors is not None and len(vectors):
            self._index.add(np.ascontiguousarray(vectors, np.float32))
        self._gpu = _GpuCopy() if faiss.get_num_gpus() > 0 else None

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
        self._touched(len(self) - 1)

    def replace(self, slot: int, vector: Floats) -> None:
        self.array()[slot] = vector
        self._touched(slot)

    def drop_last(self) -> None:
        # add() appends at ntotal, so forgetting the last vector is counting one less.
        self._index.ntotal -= 1
        self._touched(len(self))

    def search(self, probes: Floats, k: int) -> tuple[Floats, NDArray[np.int64]]:
        """Scores and slots of the ``k`` best, both (m, k), best first; ``k`` at most ``len(self)``."""
        gpu = self._gpu
        if gpu is not None:
            try:
                return gpu.search(self._index, self.array(), probes, k)
            except RuntimeError as error:  # faiss raises it for every GPU fault
                log.warning("the GPU search failed (%s); searching on the CPU from now on", error)
                self._gpu = None
        # OpenMP inside one search makes it slower where several threads search; the setting is the thread's own.
        faiss.omp_set_num_threads(1)
        scores, slots = self._index.search(probes, k)
        return scores, slots

    def _touched(self, slot: int) -> None:
        if self._gpu is not None:
            self._gpu.stale.add(slot)


class _GpuCopy:
    """A copy of the index on the first GPU, and the slots that have changed since it was made.

    GPU indexes cannot be written in place. Changed slots are scored on the CPU, and when there are many of
    them the copy is made anew.
    """

    REFRESH = 512

    def __init__(self) -> None:
        self.stale: set[int] = set()
        self._copy: Any = None
        self._resources: Any = None
        self._one_at_a_time = Lock()  # what FAISS asks of users of its GPU resources

    def search(self, index: Any, vectors: Floats, probes: Floats, k: int) -> tuple[Floats, NDArray[np.int64]]:
        with self._one_at_a_time:
            if self._copy is None or len(self.stale) > self.REFRESH:
                self._resources = self._resources or faiss.StandardGpuResources()
                self._copy = faiss.index_cpu_to_gpu(self._resources, 0, index)
                self.stale.clear()
            stale = np.fromiter(self.stale, np.int64, len(self.stale))
            scores, slots = self._copy.search(probes, min(k + len(stale), self._copy.ntotal))
        live = stale[stale < len(vectors)]
        scores = np.where(np.isin(slots, stale), -np.inf, scores)
        scores = np.concatenate([scores, probes @ vectors[live].T], axis=1)
        slots = np.concatenate([slots, np.broadcast_to(live, (len(probes), len(live)))], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, order, 1), np.take_along_axis(slots, order, 1)
