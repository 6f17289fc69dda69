"""All figures of how good vectors of known people are, as one document of plain numbers.

Works on arrays alone, so the same figures come from a folder of photos and from the enrolled people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.engine.measures import metrics
from recognition.engine.measures.identification import (
    Enrolled,
    Searches,
    leave_one_out,
    open_set_curve,
    open_set_points,
    search,
)
from recognition.engine.measures.pairs import (
    balanced,
    genuine_pairs,
    impostor_pairs,
    pair_scores,
    people_folds,
)
from recognition.engine.measures.thresholds import bootstrap_share, bootstrap_threshold, smallest_rate
from recognition.engine.types import Floats
from recognition.services.errors import Invalid
from recognition.services.thresholds import GENUINE_LIMIT, check_usable

Positions = NDArray[np.int64]
Progress = Callable[[float], None]
FOLDS = 10
FEWEST = 20  # people of a group that is compared with others; the interval of fewer is too narrow itself
NO_SCORE = -1.0  # of a pair in which a photo has no face: such a pair is never accepted


@dataclass(frozen=True, slots=True)
class InForce:
    """The thresholds that are in force, to be shown on the curves."""

    verify: float
    identify: float


def figures_of(
    owners: Positions,
    vectors: Floats,
    *,
    impostors: int = 1_000_000,
    in_force: InForce | None = None,
    progress: Progress = lambda share: None,
) -> dict[str, Any]:
    """Verification and identification figures. owners: (n,), vectors: (n, dimensions) of unit length."""
    check_usable(owners)
    document = {"verification": _verification(owners, vectors, impostors, in_force)}
    progress(0.3)
    document["identification"] = _identification(
        owners, vectors, in_force, lambda share: progress(0.3 + 0.7 * share)
    )
    progress(1)
    return document


def _verification(
    owners: Positions, vectors: Floats, impostors: int, in_force: InForce | None
) -> dict[str, Any]:
    g = genuine_pairs(owners, GENUINE_LIMIT)
    i = impostor_pairs(owners, impostors)
    genuine, impostor = pair_scores(vectors, *g), pair_scores(vectors, *i)
    document = compared(genuine, impostor, in_force)
    folds = min(FOLDS, len(np.unique(owners)) // 2)
    if folds >= 2:
        pairs = np.concatenate([g[0], i[0]]), np.concatenate([g[1], i[1]])
        labels = np.arange(len(pairs[0])) < len(genuine)
        fold = people_folds(owners, *pairs, folds)
        keep = balanced(labels, fold)
        if len(np.unique(fold[keep])) >= 2:
            scores = np.concatenate([genuine, impostor])
            document["accuracy"] = accuracy(scores[keep], labels[keep], fold[keep])
    rate = max(1e-3, smallest_rate(len(impostor)))
    if rate <= 0.1:
        low, high = bootstrap_threshold(impostor, owners[i[0]], owners[i[1]], rate)
        document["threshold_interval"] = {"fmr": rate, "low": low, "high": high}
    return document


def compared(genuine: Floats, impostor: Floats, in_force: InForce | None = None) -> dict[str, Any]:
    """What follows from the scores of genuine and impostor pairs."""
    curve = metrics.roc(genuine, impostor)
    thin = curve.thinned()
    document: dict[str, Any] = {
        "genuine_pairs": len(genuine),
        "impostor_pairs": len(impostor),
        "smallest_fpr": smallest_rate(len(impostor)),
        "auc": curve.auc,
        "eer": curve.eer,
        "points": [
            {"fpr": point.rate, "tpr": point.tpr, "threshold": point.threshold}
            for point in metrics.operating_points(genuine, impostor)
        ],
        "roc": [[float(x), float(y)] for x, y in zip(thin.fpr, thin.tpr, strict=True)],
        "histogram": {"genuine": metrics.histogram(genuine), "impostor": metrics.histogram(impostor)},
    }
    if in_force is not None:
        document["in_force"] = {
            "threshold": in_force.verify,
            "fmr": float(np.mean(impostor >= in_force.verify)),
            "fnmr": float(np.mean(genuine < in_force.verify)),
        }
    return document


def accuracy(scores: Floats, labels: NDArray[np.bool_], folds: Positions) -> dict[str, Any]:
    """Accuracy by choosing the threshold on the other folds."""
    found = metrics.fold_accuracy(scores, labels, folds)
    return {
        "mean": found.mean,
        "deviation": found.deviation,
        "standard_error": found.standard_error,
        "folds": len(found.accuracies),
        "pairs": len(scores),
        "threshold": float(found.thresholds.mean()),
    }


def _identification(
    owners: Positions, vectors: Floats, in_force: InForce | None, progress: Progress
) -> dict[str, Any]:
    gallery = Enrolled.of(owners, vectors)
    one_out = leave_one_out(gallery, progress=progress).searches
    document: dict[str, Any] = {
        "people": len(gallery.names),
        "leave_one_out": _ranks(one_out, len(gallery.names)),
        "closed": closed_set(owners, vectors),
        "open": open_set(owners, vectors),
        "confusable": confusable(gallery, one_out),
    }
    if in_force is not None:
        document["in_force"] = {
            "threshold": in_force.identify,
            "fpir": float(np.mean(one_out.best_other >= in_force.identify)),
            "fnir": one_out.fnir(in_force.identify),
            "people": len(gallery.names),
        }
    return document


def _ranks(found: Searches, people: int) -> dict[str, Any]:
    return {
        "probes": int(found.mated.sum()),
        "people": people,
        "rank_1": found.rank_rate(1),
        "rank_5": found.rank_rate(5),
    }


def closed_set(owners: Positions, vectors: Floats) -> dict[str, Any] | None:
    """People with two photos or more are enrolled with the first half of them; the rest are searched."""
    enrolled, probes = _halves(owners)
    if not probes.any():
        return None
    gallery = Enrolled.of(owners[enrolled], vectors[enrolled])
    return _ranks(search(gallery, vectors[probes], owners[probes]), len(gallery.names))


def open_set(owners: Positions, vectors: Floats, seed: int = 0) -> dict[str, Any] | None:
    """As `closed_set` with a random half of these people; the other half and everybody with one photo are strangers."""
    enrolled, probes = _halves(owners)
    several = np.unique(owners[probes])
    inside = np.random.default_rng(seed).permutation(several)[: (len(several) + 1) // 2]
    known = np.isin(owners, inside)
    if not len(inside) or known.all():
        return None
    gallery = Enrolled.of(owners[enrolled & known], vectors[enrolled & known])
    mated = search(gallery, vectors[probes & known], owners[probes & known])
    strangers = search(gallery, vectors[~known], owners[~known]).best_other
    return {
        "people": len(gallery.names),
        "mated": len(mated.rank),
        "strangers": len(strangers),
        "smallest_fpir": smallest_rate(len(strangers)),
        "points": [
            {"fpir": point.fpir, "fnir": point.fnir, "threshold": point.threshold}
            for point in open_set_points(strangers, mated)
        ],
        "curve": [list(point) for point in open_set_curve(strangers, mated)],
    }


def _halves(owners: Positions) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks of the photos to enrol and to search: the first half of each person's photos, of those with two or more."""
    order = np.argsort(owners, kind="stable")
    _, starts, counts = np.unique(owners[order], return_index=True, return_counts=True)
    place = np.empty(len(owners), np.int64)
    place[order] = np.arange(len(owners)) - np.repeat(starts, counts)
    size = np.empty(len(owners), np.int64)
    size[order] = np.repeat(counts, counts)
    enrolled = (size > 1) & (place < (size + 1) // 2)
    return enrolled, (size > 1) & ~enrolled


def confusable(gallery: Enrolled, one_out: Searches, most: int = 20) -> list[dict[str, Any]]:
    """The most similar different people: each pair once, by the highest score that a photo of one has with the other.

    ``first`` and ``second`` are values of ``owners``.
    """
    people = np.repeat(gallery.names, gallery.counts)
    found: dict[tuple[int, int], float] = {}
    for i in np.argsort(-one_out.best_other, kind="stable"):
        pair = sorted((int(people[i]), int(gallery.names[one_out.other[i]])))
        found.setdefault((pair[0], pair[1]), float(one_out.best_other[i]))
        if len(found) == most:
            break
    return [{"first": a, "second": b, "score": round(score, 4)} for (a, b), score in found.items()]


def group_figures(
    owners: Positions,
    vectors: Floats,
    groups: Mapping[int, str],
    threshold: float,
    impostors: int = 1_000_000,
) -> list[dict[str, Any]]:
    """Errors within each group at one threshold for all: genuine pairs of its people, impostor pairs inside it.

    groups: person -> group; people without one are left out. The group that is turned away most often comes first,
    groups without genuine pairs last. ``interval``: of the FNMR, 95 %, people drawn anew. ``few``: whether the group
    has too few people to be compared.
    """
    rows = []
    for name in sorted(set(groups.values())):
        inside = np.isin(owners, [person for person, group in groups.items() if group == name])
        mine, its = owners[inside], vectors[inside]
        row: dict[str, Any] = {"group": name, "people": len(np.unique(mine)), "photos": len(mine)}
        pairs = genuine_pairs(mine, GENUINE_LIMIT)
        genuine = pair_scores(its, *pairs)
        refused, subjects = genuine < threshold, mine[pairs[0]]
        impostor = pair_scores(its, *impostor_pairs(mine, impostors)) if row["people"] > 1 else its[:0, 0]
        row |= {
            "genuine_pairs": len(genuine),
            "impostor_pairs": len(impostor),
            "fnmr": float(np.mean(refused)) if len(genuine) else None,
            "interval": bootstrap_share(refused, subjects) if len(genuine) else None,
            "few": len(np.unique(subjects)) < FEWEST,
            "fmr": float(np.mean(impostor >= threshold)) if len(impostor) else None,
            "smallest_fmr": smallest_rate(len(impostor)) if len(impostor) else None,
        }
        if len(genuine) and len(impostor):
            curve = metrics.roc(genuine, impostor)
            row |= {"auc": curve.auc, "eer": curve.eer}
        rows.append(row)
    return sorted(rows, key=lambda row: -1.0 if row["fnmr"] is None else row["fnmr"], reverse=True)


def named_pair_figures(
    scores: Sequence[float | None],
    genuine: Sequence[bool],
    folds: Sequence[int],
    in_force: InForce | None = None,
) -> dict[str, Any]:
    """Figures of the pairs of a file; a score is None when a photo of the pair has no face."""
    labels = np.array(genuine, bool)
    values = np.array([NO_SCORE if score is None else score for score in scores], np.float32)
    if labels.all() or not labels.any():
        raise Invalid("one_kind_of_pairs", "The pairs file needs both genuine and impostor pairs.")
    document = compared(values[labels], values[~labels], in_force)
    document["without_score"] = sum(score is None for score in scores)
    if len(set(folds)) >= 2:
        document["accuracy"] = accuracy(values, labels, np.array(folds, np.int64))
    return document
