"""The first stage of the search: who in the base may be most similar to a probe. It looks at everybody.

``flat`` compares all templates exactly (`faiss.IndexFlatIP`, on a GPU where there is one). ``rabitq`` compares short
codes and only estimates: 512 signs and two numbers, 72 bytes a person, scanned 32 people at a time
(`faiss.IndexRaBitQFastScan`; Gao and Long, "RaBitQ", SIGMOD 2024). Its candidates are scored exactly afterwards.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from recognition.engine.types import Floats

log = logging.getLogger(__name__)

FLAT, RABITQ, AUTO = "flat", "rabitq", "auto"
# Numbers in all templates from which codes are the faster way: 20,000 people of 512. See docs/scaling.md.
AUTO_FROM = 20_000 * 512
# Estimates are off by 0.03. Of a million people with the scores of a real model the thousandth estimate is so low that
# the right person's, at any usable threshold, is six such deviations above.
CANDIDATES = 1_000
# Shorter vectors are turned into a space of this many dimensions first: the error falls with the square root of the
# number of signs. The turn also makes numbers alike that a network made unlike.
SIGNS = 512
SEED = 1  # of the turn
QUERY_BITS = 8
BLOCK = 32  # people that are scanned at a time


def chosen(wanted: str, people: int, dimensions: int) -> str:
    """The kind of first stage for this many people. wanted: one of ``flat``, ``rabitq``, ``auto``."""
    if wanted != AUTO:
        return wanted
    return RABITQ if people * dimensions >= AUTO_FROM else FLAT


def nearest_halves(rows: NDArray[Any], probe: Floats, k: int) -> tuple[Floats, NDArray[np.int64]]:
    """Exact scores and numbers of the ``k`` best of some rows in half precision (n, width), best first.

    FAISS multiplies halves as they are; converting them in numpy takes five times as long.
    """
    index = faiss.IndexScalarQuantizer(
        rows.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    index.add_sa_codes(rows.view(np.uint8))
    padded = np.zeros((1, rows.shape[1]), np.float32)
    padded[0, : len(probe)] = probe
    scores, numbers = index.search(padded, min(k, len(rows)))
    return scores[0], numbers[0]


class FirstStage(Protocol):
    """exact: whether its scores are the templates' own. candidates: how many must be looked at."""

    exact: bool
    candidates: int

    def search(self, probes: Floats, k: int) -> tuple[Floats, NDArray[np.int64]]:
        """Scores and slots of the ``k`` best, both (m, k), best first; a slot below 0 is none."""


class Flat:
    """templates: (n, dimensions), n at least 1."""

    exact = True
    candidates = 0

    def __init__(self, templates: Floats) -> None:
        self._index = faiss.IndexFlatIP(templates.shape[1])
        self._index.add(templates)
        self._gpu = _Gpu(self._index) if faiss.get_num_gpus() > 0 else None

    def search(self, probes: Floats, k: int) -> tuple[Floats, NDArray[np.int64]]:
        gpu = self._gpu
        if gpu is not None:
            try:
                return gpu.search(probes, k)
            except RuntimeError as error:  # faiss raises it for every GPU fault
                log.warning("the GPU search failed (%s); searching on the CPU from now on", error)
                self._gpu = None
        # OpenMP inside one search makes it slower where several threads search; the setting is the thread's own.
        faiss.omp_set_num_threads(1)
        scores, slots = self._index.search(probes, k)
        return scores, slots


class _Gpu:
    """A copy on the first GPU, made by the first search."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self._copy: Any = None
        self._resources: Any = None
        self._one_at_a_time = Lock()  # what FAISS asks of users of its GPU resources

    def search(self, probes: Floats, k: int) -> tuple[Floats, NDArray[np.int64]]:
        with self._one_at_a_time:
            if self._copy is None:
                self._resources = faiss.StandardGpuResources()
                self._copy = faiss.index_cpu_to_gpu(self._resources, 0, self._index)
            scores, slots = self._copy.search(probes, k)
            return scores, slots


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """What `Codes` keeps in a file; flat arrays, empty without codes."""

    turn: Floats
    centre: Floats
    codes: NDArray[np.uint8]

    @classmethod
    def nothing(cls) -> Stored:
        return cls(np.empty(0, np.float32), np.empty(0, np.float32), np.empty(0, np.uint8))


class Codes:
    """Built by `add`, kept in the file as `stored`, taken up from there by `restored`.

    turn: (signs, dimensions) with orthonormal columns; drawn where there is none yet.
    """

    exact = False
    candidates = CANDIDATES

    def __init__(self, dimensions: int, turn: Floats | None = None) -> None:
        if turn is None:
            drawn = np.random.default_rng(SEED).standard_normal((max(dimensions, SIGNS), dimensions))
            turn = np.linalg.qr(drawn).Q.astype(np.float32)
        self._turn = faiss.LinearTransform(dimensions, len(turn), False)
        faiss.copy_array_to_vector(np.ascontiguousarray(turn).reshape(-1), self._turn.A)
        self._turn.is_trained = True
        self._index: Any = faiss.IndexRaBitQFastScan(len(turn), faiss.METRIC_INNER_PRODUCT, BLOCK)
        self._index.qb = QUERY_BITS

    def add(self, templates: Floats) -> None:
        """The first call also decides the centre, so it should bring some thousand people."""
        turned = self._turn.apply(templates)
        if not self._index.is_trained:
            self._index.train(turned)
        self._index.add(turned)

    def stored(self) -> Stored:
        return Stored(
            faiss.vector_to_array(self._turn.A),
            faiss.vector_to_array(self._index.center),
            faiss.vector_to_array(self._index.codes),
        )

    @classmethod
    def restored(cls, dimensions: int, people: int, stored: Stored) -> Codes:
        stage = cls(dimensions, stored.turn.reshape(-1, dimensions))
        index = stage._index
        faiss.copy_array_to_vector(stored.centre, index.center)
        faiss.copy_array_to_AlignedTable(stored.codes, index.codes)
        index.ntotal, index.ntotal2 = people, -(-people // BLOCK) * BLOCK
        index.is_trained = True
        return stage

    def search(self, probes: Floats, k: int) -> tuple[Floats, NDArray[np.int64]]:
        faiss.omp_set_num_threads(1)
        scores, slots = self._index.search(self._turn.apply(probes), k)
        return scores, slots
