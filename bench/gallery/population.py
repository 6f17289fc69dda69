"""Made-up people whose vectors score with one another as those of a real model do, look-alikes among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
CHUNK = 20_000
LOOKALIKES = 0.02  # share of people who resemble another one like a brother
ALIKE = (0.5, 0.85)  # how much


@dataclass(frozen=True, slots=True)
class Scores:
    """Cosines of two people, and of two photos of one person: mean and deviation.

    From the thresholds and error rates on LFW in docs/accuracy.md, taken as normal distributions.
    """

    dimensions: int
    impostor_mean: float
    impostor_deviation: float
    genuine_mean: float
    genuine_deviation: float
    identify_threshold: float  # that comes with the model, the lowest: it grows with the number of people


MODELS = {
    "ghostfacenet": Scores(512, 0.11, 0.113, 0.66, 0.148, 0.561),
    "sface": Scores(128, 0.0, 0.116, 0.70, 0.10, 0.491),
}


class Population:
    """The same people each time, chunk by chunk."""

    def __init__(self, scores: Scores, people: int) -> None:
        self.scores = scores
        self.people = people
        self._scales = _scales(scores)

    def chunks(self) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        """Identities from 1 on and their unit vectors (n, dimensions), one a person."""
        for start in range(0, self.people, CHUNK):
            count = min(CHUNK, self.people - start)
            yield np.arange(start + 1, start + 1 + count, dtype=np.int64), self._chunk(start // CHUNK)[:count]

    def probes(self, count: int) -> tuple[NDArray[np.int64], Floats]:
        """Another photo of each of some people: who they are, and the vectors."""
        random = np.random.default_rng([7, self.people])
        owners = np.sort(random.choice(self.people, count, replace=count > self.people))
        vectors = np.empty((count, self.scores.dimensions), np.float32)
        for number in np.unique(owners // CHUNK).tolist():
            here = owners // CHUNK == number
            vectors[here] = self._chunk(number)[owners[here] % CHUNK]
        cosines = random.normal(self.scores.genuine_mean, self.scores.genuine_deviation, count).clip(
            0.1, 0.98
        )
        order = random.permutation(count)
        return owners[order] + 1, self._near(vectors, cosines, random)[order]

    def _chunk(self, number: int) -> Floats:
        random = np.random.default_rng([3, number])
        vectors = self._strangers(CHUNK, random)
        alike = np.flatnonzero(random.random(CHUNK) < LOOKALIKES)
        others = (alike + 1) % CHUNK
        vectors[alike] = self._near(vectors[others], random.uniform(*ALIKE, len(alike)), random)
        return vectors

    def _strangers(self, count: int, random: np.random.Generator) -> Floats:
        vectors = random.standard_normal((count, self.scores.dimensions), dtype=np.float32) * self._scales
        vectors = _unit(vectors) * np.float32(np.sqrt(1 - self.scores.impostor_mean))
        vectors[:, -1] += np.float32(np.sqrt(self.scores.impostor_mean))
        return _unit(vectors)

    def _near(self, vectors: Floats, cosines: NDArray[np.float64], random: np.random.Generator) -> Floats:
        """Unit vectors with these cosines to the given ones."""
        away = self._strangers(len(vectors), random)
        away -= np.einsum("ij,ij->i", away, vectors)[:, None] * vectors
        share = cosines.astype(np.float32)[:, None]
        return _unit(share * vectors + np.sqrt(1 - share**2) * _unit(away))


def _scales(scores: Scores) -> Floats:
    """Deviation of each number. Real vectors fill few of their dimensions: the variances follow a power law, such that
    two people's cosines have the deviation that is wanted."""
    wanted = scores.impostor_deviation / (1 - scores.impostor_mean)
    low, high = 0.0, 3.0
    for _ in range(60):
        power = (low + high) / 2
        variances = np.arange(1, scores.dimensions + 1) ** -power
        variances /= variances.sum()
        low, high = (power, high) if np.sqrt((variances**2).sum()) < wanted else (low, power)
    return np.sqrt(variances).astype(np.float32)


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
