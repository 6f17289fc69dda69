"""How well people are found in a gallery (1:N): ranks, FPIR and FNIR, and who resembles whom.

Scores are those of the site's gallery: the cosine to the person's template mixed with that to the best of its photos,
or the template's alone where there is one photo. Every enrolled person is scored, not only the nearest templates.

FPIR (false positive identification rate): share of strangers for whom somebody scores at least the threshold.
FNIR: share of enrolled people's probes for which the right person is not the best or scores less. (ISO/IEC 19795-1)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recognition.engine.gallery import TEMPLATE_SHARE
from recognition.engine.measures.highest import Highest
from recognition.engine.measures.thresholds import BINS, Counts, score_counts, smallest_rate, threshold_at
from recognition.engine.types import Floats

Positions = NDArray[np.int64]
BLOCK_NUMBERS = 8_000_000  # scores computed at once: 32 MB


@dataclass(frozen=True, slots=True, eq=False)
class Enrolled:
    """Photo vectors (n, dimensions) of p people in the order of ``names`` (p,), for scoring."""

    names: Positions
    vectors: Floats
    starts: Positions
    counts: Positions
    templates: Floats

    @classmethod
    def of(cls, owners: Positions, vectors: Floats) -> Enrolled:
        order = np.argsort(owners, kind="stable")
        names, starts, counts = np.unique(owners[order], return_index=True, return_counts=True)
        ordered = vectors[order]
        sums = np.add.reduceat(ordered, starts, axis=0) if len(starts) else ordered[:0]
        return cls(names, ordered, starts.astype(np.int64), counts.astype(np.int64), _unit(sums))

    def scores(self, probes: Floats) -> Floats:
        """(m, p) score of each probe (m, dimensions) with each person."""
        template = probes @ self.templates.T
        best = np.maximum.reduceat(probes @ self.vectors.T, self.starts, axis=1)
        return np.asarray(
            np.where(self.counts > 1, TEMPLATE_SHARE * template + (1 - TEMPLATE_SHARE) * best, template),
            np.float32,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """What a search with each probe found. All arrays are (m,).

    own: score of the right person; NaN for strangers. best_other, second_other: the best two scores of other people.
    other: who scored ``best_other``. rank: place of the right person, 1 is best, 0 for strangers.
    """

    own: Floats
    best_other: Floats
    second_other: Floats
    other: Positions
    rank: Positions

    @property
    def mated(self) -> NDArray[np.bool_]:
        return self.rank > 0

    def rank_rate(self, most: int) -> float:
        """Share of the mated probes for which the right person is among the best ``most``."""
        return float(np.mean(self.rank[self.mated] <= most))

    def fnir(self, threshold: float) -> float:
        mated = self.mated
        return float(1 - np.mean((self.rank[mated] == 1) & (self.own[mated] >= threshold)))

    def margins(self, threshold: float) -> Floats:
        """By how much the right person was ahead of the next, for each probe that finds it at this threshold."""
        found = (self.rank == 1) & (self.own >= threshold)
        return np.asarray(self.own[found] - self.best_other[found], np.float32)


def search(gallery: Enrolled, probes: Floats, owners: Positions) -> Searches:
    """Search each probe (m, dimensions) of the person ``owners`` (m,), who is a stranger when not enrolled."""
    place = np.searchsorted(gallery.names, owners)
    place = np.minimum(place, len(gallery.names) - 1)
    own = np.where(gallery.names[place] == owners, place, -1)

    def score(part: slice) -> tuple[Floats, Floats]:
        scores = gallery.scores(probes[part])
        mine = own[part]
        scored = scores[np.arange(len(scores)), mine]
        return scores, np.where(mine >= 0, scored, np.nan).astype(np.float32)

    return _searches(own, score, len(gallery.vectors))


@dataclass(frozen=True, slots=True, eq=False)
class OneOut:
    """What `leave_one_out` found.

    searches: one for each photo of the gallery, in its order.
    counts: distribution (`score_counts`) of all scores with other people.
    high: (n,) the highest scores with other people; probe, other: (n,) the people, as places in the gallery.
    """

    searches: Searches
    counts: Counts
    high: Floats
    probe: Positions
    other: Positions


def leave_one_out(
    gallery: Enrolled, *, keep: int = 0, progress: Callable[[float], None] = lambda share: None
) -> OneOut:
    """Search each enrolled photo in the gallery without that photo; people with one photo become strangers.

    `best_other` never counts the photo's own person, so it is also what a stranger with this face would have met.
    keep: how many single scores with other people are kept, the highest ones.
    """
    people = np.repeat(np.arange(len(gallery.names)), gallery.counts)
    own_scores = _own_scores(gallery)
    counts = np.zeros(BINS, np.int64)
    kept = Highest(keep)

    def score(part: slice) -> tuple[Floats, Floats]:
        scores = gallery.scores(gallery.vectors[part])
        mine = people[part]
        scores[np.arange(len(scores)), mine] = -np.inf
        counts[:] += score_counts(scores[np.isfinite(scores)])
        kept.add(scores, mine)
        progress(part.start / len(people))
        return scores, own_scores[part]

    searches = _searches(people, score, len(gallery.vectors))
    return OneOut(searches, counts, kept.scores, kept.probe, kept.other)


def _searches(own: Positions, score: Callable[[slice], tuple[Floats, Floats]], vectors: int) -> Searches:
    """Search in blocks. own: (m,) place of the right person in the gallery or -1."""
    total = len(own)
    found = Searches(
        own=np.empty(total, np.float32),
        best_other=np.empty(total, np.float32),
        second_other=np.empty(total, np.float32),
        other=np.empty(total, np.int64),
        rank=np.zeros(total, np.int64),
    )
    step = max(1, BLOCK_NUMBERS // max(1, vectors))
    for start in range(0, total, step):
        part = slice(start, min(start + step, total))
        scores, mine = score(part)
        rows = np.arange(len(scores))
        enrolled = own[part] >= 0
        scores[rows[enrolled], own[part][enrolled]] = -np.inf
        best = np.argmax(scores, axis=1)
        found.other[part] = best
        found.best_other[part] = scores[rows, best]
        found.rank[part] = np.where(np.isnan(mine), 0, 1 + np.sum(scores > mine[:, None], axis=1))
        found.own[part] = mine
        scores[rows, best] = -np.inf
        found.second_other[part] = scores.max(axis=1)
    return found


def _own_scores(gallery: Enrolled) -> Floats:
    """(n,) score of each photo with the other photos of its person; NaN when there are none."""
    scores = np.full(len(gallery.vectors), np.nan, np.float32)
    for start, count in zip(gallery.starts, gallery.counts, strict=True):
        if count < 2:
            continue
        photos = gallery.vectors[start : start + count]
        template = np.einsum("ij,ij->i", _unit(photos.sum(axis=0) - photos), photos)
        if count > 2:
            cosines = photos @ photos.T
            np.fill_diagonal(cosines, -np.inf)
            template = TEMPLATE_SHARE * template + (1 - TEMPLATE_SHARE) * cosines.max(axis=1)
        scores[start : start + count] = template
    return scores


@dataclass(frozen=True, slots=True)
class OpenSetPoint:
    """FNIR where FPIR is at most ``fpir``; None when there are too few strangers to say it (rule of three)."""

    fpir: float
    fnir: float | None
    threshold: float | None


def open_set_points(
    strangers: Floats, mated: Searches, rates: tuple[float, ...] = (0.01, 0.003)
) -> list[OpenSetPoint]:
    """strangers: (s,) best score that each stranger's search met. mated: searches for enrolled people."""
    points = []
    for rate in rates:
        if rate < smallest_rate(len(strangers)) or not mated.mated.any():
            points.append(OpenSetPoint(rate, None, None))
        else:
            threshold = threshold_at(strangers, rate)
            points.append(OpenSetPoint(rate, mated.fnir(threshold), threshold))
    return points


def open_set_curve(strangers: Floats, mated: Searches, points: int = 200) -> list[tuple[float, float, float]]:
    """(threshold, FPIR, FNIR) by rising threshold over the range of scores, for drawing."""
    low, high = float(strangers.min()), float(max(strangers.max(), np.nanmax(mated.own)))
    right = np.sort(mated.own[mated.rank == 1])
    ordered = np.sort(strangers)
    thresholds = np.linspace(low, high, points)
    fpir = 1 - np.searchsorted(ordered, thresholds, side="left") / len(ordered)
    hits = len(right) - np.searchsorted(right, thresholds, side="left")
    fnir = 1 - hits / max(1, int(mated.mated.sum()))
    return [(float(t), float(p), float(n)) for t, p, n in zip(thresholds, fpir, fnir, strict=True)]


def _unit(sums: Floats) -> Floats:
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12), np.float32)
