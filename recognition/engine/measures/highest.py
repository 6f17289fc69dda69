"""The highest of many scores that come in blocks, with the two people of each."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from recognition.engine.types import Floats

Positions = NDArray[np.int64]


class Highest:
    """Keeps the ``most`` highest scores and no more, so that memory is bounded whatever the number of scores.

    scores: (n,). probe, other: (n,) the people of each score.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._bar = -math.inf  # a score below it is not among the highest
        self.scores: Floats = np.empty(0, np.float32)
        self.probe: Positions = np.empty(0, np.int64)
        self.other: Positions = np.empty(0, np.int64)

    def add(self, block: Floats, probe: Positions) -> None:
        """block: (m, p) scores of probes of the people ``probe`` (m,) with all p people; -inf is none."""
        if not self._most:
            return
        if block.size > self._most:
            lowest = np.partition(block, block.size - self._most, axis=None)[block.size - self._most]
            self._bar = max(self._bar, float(lowest))
        row, other = np.nonzero((block >= self._bar) & np.isfinite(block))
        self.scores = np.concatenate([self.scores, block[row, other]])
        self.probe = np.concatenate([self.probe, probe[row]])
        self.other = np.concatenate([self.other, other])
        if len(self.scores) > self._most:
            self._shorten()

    def _shorten(self) -> None:
        best = np.argpartition(self.scores, len(self.scores) - self._most)[-self._most :]
        self.scores, self.probe, self.other = self.scores[best], self.probe[best], self.other[best]
        self._bar = float(self.scores.min())
