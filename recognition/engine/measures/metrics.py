"""How well scores part genuine from impostor pairs (1:1): ROC, EER, accuracy by folds.

A pair is accepted when its score is at least the threshold. FMR (false match rate) is the share of impostor pairs
that are accepted, FNMR the share of genuine pairs that are not; FPR and TPR are FMR and 1 - FNMR.
Terms and measures follow ISO/IEC 19795-1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recognition.engine.measures.thresholds import smallest_rate, threshold_at
from recognition.engine.types import Floats

Doubles = NDArray[np.float64]
Masks = NDArray[np.bool_]
RATES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """Points of the curve by falling threshold: FPR and TPR rise from 0 to 1. All three are (n,)."""

    fpr: Doubles
    tpr: Doubles
    thresholds: Doubles

    @property
    def auc(self) -> float:
        from sklearn.metrics import auc  # heavy, and not needed by what serves

        return float(auc(self.fpr, self.tpr))

    @property
    def eer(self) -> float:
        """Equal error rate: where FPR and 1 - TPR cross, on the straight line between the two nearest points."""
        gap = self.fpr - (1 - self.tpr)
        after = int(np.argmax(gap >= 0))
        if after == 0 or gap[after] == 0:
            return float(self.fpr[after])
        share = -gap[after - 1] / (gap[after] - gap[after - 1])
        return float(self.fpr[after - 1] + share * (self.fpr[after] - self.fpr[after - 1]))

    def thinned(self, points: int = 400) -> Roc:
        """At most about so many points, close where FPR is small, for drawing and keeping."""
        if len(self.fpr) <= points:
            return self
        floor = max(1e-7, float(self.fpr[self.fpr > 0].min(initial=1.0)))
        wanted = np.concatenate(
            [[0.0], np.geomspace(floor, 1.0, points // 2), np.linspace(0, 1, points // 2)]
        )
        # The last point of each step is its best: the highest TPR at that FPR.
        last = np.searchsorted(self.fpr, wanted, side="right") - 1
        kept = np.unique(np.concatenate([[0], last, [len(self.fpr) - 1]]))
        return Roc(self.fpr[kept], self.tpr[kept], self.thresholds[kept])


def roc(genuine: Floats, impostor: Floats) -> Roc:
    """The curve from scores (g,) of genuine and (i,) of impostor pairs; neither may be empty."""
    from sklearn.metrics import roc_curve  # heavy, and not needed by what serves

    labels = np.concatenate([np.ones(len(genuine), np.int8), np.zeros(len(impostor), np.int8)])
    fpr, tpr, thresholds = roc_curve(labels, np.concatenate([genuine, impostor]))
    return Roc(fpr, tpr, np.asarray(thresholds, np.float64))


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """TPR and threshold where FPR is at most ``rate``; None when there are too few impostor pairs to say it."""

    rate: float
    tpr: float | None
    threshold: float | None


def operating_points(
    genuine: Floats, impostor: Floats, rates: Sequence[float] = RATES
) -> list[OperatingPoint]:
    """One point for each rate. By the rule of three, ``n`` impostor pairs can speak of rates from 3 / n on."""
    smallest = smallest_rate(len(impostor))
    points = []
    for rate in rates:
        if rate < smallest or not len(genuine):
            points.append(OperatingPoint(rate, None, None))
            continue
        threshold = threshold_at(impostor, rate)
        points.append(OperatingPoint(rate, float(np.mean(genuine >= threshold)), threshold))
    return points


@dataclass(frozen=True, slots=True, eq=False)
class FoldAccuracy:
    """Accuracy and threshold of each fold, the threshold chosen on all the other folds."""

    accuracies: Doubles
    thresholds: Doubles

    @property
    def mean(self) -> float:
        return float(self.accuracies.mean())

    @property
    def deviation(self) -> float:
        """Standard deviation of the folds' accuracies."""
        return float(self.accuracies.std(ddof=1)) if len(self.accuracies) > 1 else 0.0

    @property
    def standard_error(self) -> float:
        """Of the mean; what LFW reports after the plus-minus sign."""
        return self.deviation / math.sqrt(len(self.accuracies))


def fold_accuracy(scores: Floats, genuine: Masks, folds: NDArray[np.int64]) -> FoldAccuracy:
    """Accuracy by threshold choice: each fold with the threshold that is best on the others.

    scores, genuine, folds: (n,) of n pairs, at least two folds.
    """
    names = np.unique(folds)
    if len(names) < 2:
        raise ValueError("a threshold can be chosen on other folds only when there are at least two")
    accuracies, thresholds = [], []
    for name in names:
        held_out = folds == name
        threshold = best_threshold(scores[~held_out], genuine[~held_out])
        thresholds.append(threshold)
        accuracies.append(np.mean((scores[held_out] >= threshold) == genuine[held_out]))
    return FoldAccuracy(np.array(accuracies, np.float64), np.array(thresholds, np.float64))


def best_threshold(scores: Floats, genuine: Masks) -> float:
    """The threshold that decides most pairs rightly; of several, the one in the middle of the strictest gap."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order].astype(np.float64)
    right = np.cumsum(np.where(genuine[order], 1, -1))
    # Equal scores are accepted together, so only the last of each run is a possible cut.
    cuts = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    best = int(cuts[np.argmax(right[cuts])])
    if right[best] < 0:  # accepting nobody is better than any cut
        return float(np.nextafter(np.float32(ordered[0]), np.float32(np.inf)))
    after = ordered[best + 1] if best + 1 < len(ordered) else ordered[best]
    return float((ordered[best] + after) / 2)


def histogram(scores: Floats, bins: int = 200) -> list[int]:
    """How many scores fall into each of ``bins`` equal parts of -1 .. 1."""
    return [int(n) for n in np.histogram(np.clip(scores, -1, 1), bins=bins, range=(-1, 1))[0]]
