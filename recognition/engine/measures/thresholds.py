"""Thresholds from the errors they allow, and how sure one can be of them.

Rule of three: when none of ``n`` independent trials fails, the failure rate is below 3 / n with 95 % confidence.
So ``n`` impostor scores can speak of rates down to 3 / n and no further. Scores that share people are worth less than
as many independent ones; the bootstrap therefore draws people, not pairs ("subsets bootstrap", Bolle, Ratha and
Pankanti 2004).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.engine.types import Floats

Counts = NDArray[np.int64]
Positions = NDArray[np.int64]

STEP = 1e-4  # thresholds are kept to four digits, rounded to the strict side
BINS = 20_000  # of -1 .. 1, so a bin is one step
RATES = tuple(float(f"{rate:.3g}") for rate in np.geomspace(0.1, 1e-9, 81))  # of a tail, ten a decade


def smallest_rate(trials: int) -> float:
    """The smallest error rate that so many trials can speak of (rule of three); 1 or more means none."""
    return 3 / trials if trials else math.inf


def threshold_at(impostor: Floats, rate: float) -> float:
    """The lowest threshold that accepts at most the share ``rate`` of these scores (n,)."""
    allowed = min(int(rate * len(impostor) + 1e-9), len(impostor) - 1)
    position = len(impostor) - 1 - allowed
    first_refused = np.partition(impostor, position)[position]
    return _just_above(first_refused)


def strict(threshold: float) -> float:
    """Rounded up to a whole number of steps, within -1 .. 1."""
    return max(-1.0, min(1.0, round(math.ceil(round(threshold / STEP, 6)) * STEP, 4)))


def bootstrap_share(
    failed: NDArray[np.bool_], people: Positions, *, repeats: int = 500, seed: int = 0
) -> tuple[float, float]:
    """The middle 95 % of the share of trials that failed when the people are drawn anew, with replacement.

    failed: trials (n,), at least one. people: (n,) whose trial each is.
    """
    _, owner = np.unique(people, return_inverse=True)
    trials = np.bincount(owner)
    failures = np.bincount(owner, weights=failed)
    drawn = np.random.default_rng(seed).integers(0, len(trials), (repeats, len(trials)))
    low, high = np.quantile(failures[drawn].sum(axis=1) / trials[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def bootstrap_threshold(
    impostor: Floats,
    first: Positions,
    second: Positions | None,
    rate: float,
    *,
    repeats: int = 200,
    seed: int = 0,
) -> tuple[float, float]:
    """The middle 95 % of `threshold_at` when the people are drawn anew, with replacement.

    impostor: scores (n,). first, second: (n,) the people in each pair, numbered from 0; ``second`` None when each
    score belongs to one person. A pair counts as often as its people were drawn together.
    """
    count = 1 + int(max(first.max(), second.max() if second is not None else 0))
    order = np.argsort(-impostor, kind="stable")
    ordered = impostor[order]
    a = first[order]
    b = second[order] if second is not None else None
    random = np.random.default_rng(seed)
    found = []
    for _ in range(repeats):
        drawn = np.bincount(random.integers(0, count, count), minlength=count).astype(np.float64)
        weights = drawn[a] if b is None else drawn[a] * drawn[b]
        total = weights.sum()
        if total:
            accepted = np.cumsum(weights)
            refused = min(int(np.searchsorted(accepted, rate * total + 1e-9, side="right")), len(ordered) - 1)
            found.append(_just_above(ordered[refused]))
    if not found:
        return -1.0, 1.0
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def bootstrap_tail(
    high: Floats,
    first: Positions,
    second: Positions,
    photos: Positions,
    rate: float,
    *,
    repeats: int = 200,
    seed: int = 0,
) -> tuple[float, float] | None:
    """The middle 95 % of the threshold at ``rate`` of all scores of photos with other people, from the highest ones.

    high: scores (n,) of a photo of person ``first`` with person ``second``, all that are over some floor.
    photos: (p,) how many photos each person has; every photo was scored with every other person.
    None when a draw needs a score below the floor, so that the lower end is not known.
    """
    order = np.argsort(-high, kind="stable")
    ordered, a, b = high[order], first[order], second[order]
    random = np.random.default_rng(seed)
    found = []
    for _ in range(repeats):
        drawn = np.bincount(random.integers(0, len(photos), len(photos)), minlength=len(photos)).astype(
            np.float64
        )
        total = float((photos * drawn * (drawn.sum() - drawn)).sum())
        if not total:
            continue
        accepted = np.cumsum(drawn[a] * drawn[b])
        refused = int(np.searchsorted(accepted, rate * total + 1e-9, side="right"))
        if refused >= len(ordered):
            return None
        found.append(_just_above(ordered[refused]))
    if not found:
        return None
    low, high_end = np.quantile(found, [0.025, 0.975])
    return float(low), float(high_end)


def _just_above(score: np.float32) -> float:
    """The next number that a score, which has single precision, can be."""
    return float(np.nextafter(np.float32(score), np.float32(math.inf)))


def score_counts(scores: Floats) -> Counts:
    """How many scores fall into each step of -1 .. 1, (BINS,)."""
    bins = np.clip(((scores.ravel() + 1) / STEP).astype(np.int32), 0, BINS - 1)
    return np.bincount(bins, minlength=BINS).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Tail:
    """What impostor scores reach how often: the threshold for a wished rate, also where it grows rarer with N.

    points: (rate, threshold) with falling rates; the last rate is the smallest that the scores can speak of.
    trials: how many impostor scores. people: of how many people.
    """

    points: tuple[tuple[float, float], ...]
    trials: int
    people: int

    @classmethod
    def from_counts(cls, counts: Counts, people: int, exact: Sequence[float] = ()) -> Tail | None:
        """From `score_counts` of impostor scores. None when there are too few to speak of any rate of interest.

        exact: rates that get a point of their own, where they are measurable.
        """
        trials = int(counts.sum())
        smallest = smallest_rate(trials)
        if smallest > 0.1:
            return None
        reached = np.cumsum(counts[::-1])[::-1]  # how many are in this step or above
        rates = [rate for rate in [*RATES, *exact] if smallest < rate <= RATES[0]]
        rates = sorted({*rates, smallest}, reverse=True)
        points = []
        for rate in rates:
            # The first step that is reached rarely enough is the threshold.
            step = int(np.searchsorted(-reached, -rate * trials, side="left"))
            points.append((float(rate), round(step * STEP - 1, 4)))
        return cls(tuple(points), trials, people)

    def threshold(self, rate: float) -> tuple[float, bool]:
        """The threshold for this rate and whether it lies beyond what was measured.

        Between points the logarithm of the rate goes in a straight line. Beyond them it goes on as it did over the two
        decades before the last rate that ten scores or more reached. Measured tails bend down from that line, so such
        a threshold is too strict rather than too loose.
        """
        rates = np.array([point[0] for point in self.points])
        thresholds = np.array([point[1] for point in self.points])
        if rate >= rates[-1]:
            return strict(float(np.interp(-math.log10(rate), -np.log10(rates), thresholds))), False
        sure = max(0, int(np.sum(rates >= 10 / self.trials)) - 1)
        before = min(sure, int(np.sum(rates > 100 * rates[sure] * 1.001)))
        decades = math.log10(rates[before] / rates[sure])
        slope = (thresholds[sure] - thresholds[before]) / decades if decades else thresholds[sure]
        beyond = thresholds[sure] + slope * math.log10(rates[sure] / rate)
        return strict(max(float(thresholds[-1]), float(beyond))), True

    def rate(self, threshold: float) -> float:
        """The share of impostor scores that reach this threshold, at most; below what was measured, the last rate."""
        logs = np.log10([point[0] for point in self.points])
        return float(10 ** np.interp(threshold, [point[1] for point in self.points], logs))

    def for_gallery(self, fpir: float, people: int) -> tuple[float, bool]:
        """As `threshold`, for a search among ``people`` that may find a stranger with probability ``fpir``.

        A stranger meets every enrolled person, so FPIR is at most people x FMR.
        """
        return self.threshold(fpir / max(1, people))

    def as_dict(self) -> dict[str, Any]:
        return {
            "points": [list(point) for point in self.points],
            "trials": self.trials,
            "people": self.people,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Tail:
        points = tuple((float(rate), float(threshold)) for rate, threshold in stored["points"])
        return cls(points, int(stored["trials"]), int(stored["people"]))
