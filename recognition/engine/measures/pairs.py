"""Which photos are compared with which: pairs from a file in the LFW format, or drawn from labelled photos.

A pair is two positions in a list of photos. Genuine pairs show one person, impostor pairs two.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recognition.engine.types import EngineError, Floats

Positions = NDArray[np.int64]
CHUNK = 50_000  # pairs scored at once: two times 100 MB


class PairsError(EngineError):
    """The pairs file cannot be used; the text names the line."""


@dataclass(frozen=True, slots=True)
class NamedPair:
    """One line of a pairs file: photo number ``i`` of one person and number ``j`` of the same or another."""

    first: tuple[str, int]
    second: tuple[str, int]
    fold: int

    @property
    def genuine(self) -> bool:
        return self.first[0] == self.second[0]


def read_pairs(path: Path) -> list[NamedPair]:
    """The pairs of a file in the format of LFW: ``name i j`` or ``name1 i name2 j``, parted by tabs or blanks.

    The first line may say how many folds there are and how many genuine pairs each has (``10<tab>300``); as many
    impostor pairs follow. Without it a fold begins where a genuine pair follows an impostor pair.
    http://vis-www.cs.umass.edu/lfw/README.txt. Raises PairsError.
    """
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise PairsError(f"{path} cannot be read as text: {error}") from None
    numbered = [(number, fields) for number, fields in enumerate(lines, 1) if fields]
    if not numbered:
        raise PairsError(f"{path} names no pairs.")
    size = None
    if len(numbered[0][1]) <= 2 and all(field.isdigit() for field in numbered[0][1]):
        size = 2 * int(numbered.pop(0)[1][-1])
    pairs: list[NamedPair] = []
    fold = 0
    for position, (number, fields) in enumerate(numbered):
        first, second = _photos(path, number, fields)
        if size:
            fold = position // size
        elif pairs and first[0] == second[0] and not pairs[-1].genuine:
            fold += 1
        pairs.append(NamedPair(first, second, fold))
    if not pairs:
        raise PairsError(f"{path} names no pairs.")
    return pairs


def _photos(path: Path, number: int, fields: list[str]) -> tuple[tuple[str, int], tuple[str, int]]:
    try:
        if len(fields) == 3:
            return (fields[0], int(fields[1])), (fields[0], int(fields[2]))
        if len(fields) == 4 and fields[0] != fields[2]:
            return (fields[0], int(fields[1])), (fields[2], int(fields[3]))
    except ValueError:
        pass
    raise PairsError(
        f"{path} line {number}: write `name i j` or `name1 i name2 j`, not {' '.join(fields)!r}."
    )


def genuine_pairs(owners: Positions, limit: int | None = None, seed: int = 0) -> tuple[Positions, Positions]:
    """All pairs of photos of one person, or ``limit`` of them drawn at random. owners: (n,) person of each photo."""
    first: list[Positions] = []
    second: list[Positions] = []
    order = np.argsort(owners, kind="stable")
    _, starts, counts = np.unique(owners[order], return_index=True, return_counts=True)
    for start, count in zip(starts, counts, strict=True):
        if count > 1:
            a, b = np.triu_indices(int(count), 1)
            first.append(order[start + a])
            second.append(order[start + b])
    if not first:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    a, b = np.concatenate(first), np.concatenate(second)
    if limit is not None and len(a) > limit:
        chosen = np.sort(np.random.default_rng(seed).choice(len(a), limit, replace=False))
        a, b = a[chosen], b[chosen]
    return a, b


def impostor_pairs(owners: Positions, limit: int = 1_000_000, seed: int = 0) -> tuple[Positions, Positions]:
    """All pairs of photos of different people; ``limit`` of them at random when there are more."""
    count = len(owners)
    sizes = np.unique(owners, return_counts=True)[1].astype(np.int64)
    total = (count * (count - 1) - int((sizes * (sizes - 1)).sum())) // 2
    if total <= limit:
        a, b = np.triu_indices(count, 1)
        different = owners[a] != owners[b]
        return a[different], b[different]
    random = np.random.default_rng(seed)
    codes = np.empty(0, np.int64)
    while len(codes) < limit:
        # A few more than are lacking, since some will be of one person or drawn before.
        a, b = random.integers(0, count, (2, (limit - len(codes)) * 2 + 100))
        different = owners[a] != owners[b]
        low, high = np.minimum(a, b)[different], np.maximum(a, b)[different]
        codes = np.unique(np.concatenate([codes, low * count + high]))
    codes = np.sort(random.choice(codes, limit, replace=False))
    return codes // count, codes % count


def pair_scores(vectors: Floats, first: Positions, second: Positions) -> Floats:
    """Cosines (n,) of n pairs. vectors: (photos, dimensions) of unit length."""
    scores = np.empty(len(first), np.float32)
    for start in range(0, len(first), CHUNK):
        part = slice(start, start + CHUNK)
        np.einsum("ij,ij->i", vectors[first[part]], vectors[second[part]], out=scores[part])
    return scores


def people_folds(
    owners: Positions, first: Positions, second: Positions, folds: int, seed: int = 0
) -> Positions:
    """Fold of each pair (n,) when people are dealt at random into ``folds``; -1 for pairs across two folds.

    No person is in two folds, as in LFW, so a threshold is never tried on those it was chosen by.
    """
    people, numbers = np.unique(owners, return_inverse=True)
    dealt = np.random.default_rng(seed).permutation(len(people)) % folds
    fold = dealt[numbers]
    return np.where(fold[first] == fold[second], fold[first], -1)


def balanced(genuine: NDArray[np.bool_], folds: Positions, seed: int = 0) -> NDArray[np.bool_]:
    """Mask (n,) that keeps in each fold as many genuine as impostor pairs; pairs of fold -1 are left out."""
    random = np.random.default_rng(seed)
    keep = np.zeros(len(genuine), bool)
    for fold in np.unique(folds[folds >= 0]):
        sides = [np.flatnonzero((folds == fold) & (genuine == side)) for side in (True, False)]
        size = min(len(side) for side in sides)
        for side in sides:
            keep[random.choice(side, size, replace=False)] = True
    return keep
