"""`evaluate`: how good the installed models are on a folder of labelled photos."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from django.utils import timezone

from recognition.engine.measures.pairs import NamedPair, PairsError, impostor_pairs, pair_scores, read_pairs
from recognition.engine.measures.thresholds import smallest_rate, threshold_at
from recognition.models import ModelVersion
from recognition.services import thresholds
from recognition.services.errors import Invalid
from recognition.services.evaluation import figures
from recognition.services.evaluation.figures import InForce
from recognition.services.evaluation.measured_photos import VARIANTS, PhotoSet
from recognition.services.tables import read_table
from recognition.services.thresholds import policy_of

GROUP_FMR = 1e-3


def evaluate(
    photos: PhotoSet,
    *,
    source: str,
    variants: tuple[str, ...] = VARIANTS,
    pairs: Path | None = None,
    groups: Path | None = None,
    impostors: int = 1_000_000,
    progress: Callable[[float], None] = lambda share: None,
) -> dict[str, Any]:
    """All figures as one JSON document. Raises Invalid when the photos, pairs or groups cannot be used.

    variants: which of ``VARIANTS`` to measure; the one that the site uses is named in ``variant``.
    """
    started = time.perf_counter()
    thresholds.check_usable(photos.owners)
    named = _named_pairs(pairs, photos) if pairs else None
    membership = read_groups(groups, photos) if groups else photos.groups
    spec = photos.model
    version = ModelVersion.objects.filter(name=spec.name, sha256=spec.sha256).first()
    policy = policy_of(version) if version else None
    in_force = InForce(policy.verify_threshold, policy.identify_threshold) if policy else None
    used = photos.variant if photos.variant in variants else variants[0]
    document: dict[str, Any] = {
        "source": source,
        "created": timezone.now().isoformat(timespec="seconds"),
        "model": {"name": spec.name, "version": spec.version, "sha256": spec.sha256},
        "policy": policy.pk if policy else None,
        "machine": platform.machine(),
        "photos": photos.counts,
        "variant": used,
        "variants": {},
    }
    for position, name in enumerate(variants):
        vectors = photos.vectors[name]

        def part(share: float, position: int = position) -> None:
            progress((position + share) / len(variants))

        found = figures.figures_of(
            photos.owners, vectors, impostors=impostors, in_force=in_force, progress=part
        )
        for pair in found["identification"]["confusable"]:
            pair["first"], pair["second"] = photos.people[pair["first"]], photos.people[pair["second"]]
        if named:
            found["pairs"] = named(vectors, in_force)
        if membership:
            found["groups"] = _groups(photos, vectors, membership, impostors)
        document["variants"][name] = found
    document["seconds"] = round(time.perf_counter() - started, 1)
    return document


def _groups(
    photos: PhotoSet, vectors: np.ndarray[Any, Any], membership: dict[int, str], impostors: int
) -> dict[str, Any]:
    """Figures per group at the one threshold that gives all people together an FMR of one in a thousand."""
    scores = pair_scores(vectors, *impostor_pairs(photos.owners, impostors))
    fmr = max(GROUP_FMR, smallest_rate(len(scores)))
    threshold = threshold_at(scores, fmr)
    return {
        "fmr": fmr,
        "threshold": threshold,
        "rows": figures.group_figures(photos.owners, vectors, membership, threshold, impostors),
    }


def read_groups(path: Path, photos: PhotoSet) -> dict[int, str]:
    """Person (position in ``photos.people``) -> group, from a CSV with the columns ``person_id,group``."""
    places = {name: position for position, name in enumerate(photos.people)}
    found: dict[int, str] = {}
    try:
        table = read_table(path, {"person_id": ("id", "external_id"), "group": ()})
    except OSError as error:
        raise Invalid("no_such_path", f"{path} cannot be read: {error.strerror}.") from None
    for line, row in table.rows:
        person, group = row["person_id"], row["group"]
        if person in places and group and found.setdefault(places[person], group) != group:
            raise Invalid("two_groups", f"{path} line {line}: {person} is in two groups.")
    if not found:
        raise Invalid("no_groups", f"{path} gives no group to any of the people who are evaluated.")
    return found


def _named_pairs(
    path: Path, photos: PhotoSet
) -> Callable[[np.ndarray[Any, Any], InForce | None], dict[str, Any]]:
    """A function from vectors to the figures of the pairs of this file. Raises Invalid when it names other photos."""
    try:
        pairs = read_pairs(path)
    except PairsError as error:
        raise Invalid("bad_pairs", str(error)) from None
    photo_at = _photo_finder(photos)
    places = [(photo_at(pair.first), photo_at(pair.second)) for pair in pairs]
    lacking = sorted(
        {
            f"{name} {number}"
            for pair, found in zip(pairs, places, strict=True)
            for (name, number), place in zip((pair.first, pair.second), found, strict=True)
            if place is None
        }
    )
    if lacking:
        some = ", ".join(lacking[:5]) + (" ..." if len(lacking) > 5 else "")
        raise Invalid("missing_photos", f"{path} names {len(lacking)} photos that are not there: {some}")
    return lambda vectors, in_force: _pair_document(pairs, places, vectors, in_force)


def _pair_document(
    pairs: list[NamedPair],
    places: list[tuple[int | None, int | None]],
    vectors: np.ndarray[Any, Any],
    in_force: InForce | None,
) -> dict[str, Any]:
    usable = [i for i, (a, b) in enumerate(places) if a is not None and b is not None and min(a, b) >= 0]
    first = np.array([places[i][0] for i in usable], np.int64)
    second = np.array([places[i][1] for i in usable], np.int64)
    scores: list[float | None] = [None] * len(pairs)
    for i, score in zip(usable, pair_scores(vectors, first, second), strict=True):
        scores[i] = float(score)
    return figures.named_pair_figures(
        scores, [pair.genuine for pair in pairs], [pair.fold for pair in pairs], in_force
    )


def _photo_finder(photos: PhotoSet) -> Callable[[tuple[str, int]], int | None]:
    """From (person, number) to the photo's position, -1 when it has no face, None when there is no such photo.

    Number 3 of Ann is the file whose name without suffix is ``Ann_0003``, ``Ann_3``, ``0003`` or ``3``.
    """
    position_of = {path: position for position, path in enumerate(photos.paths)}
    names = [photos.people[owner] for owner in photos.owners]
    places = {(name, path.stem): position_of[path] for name, path in zip(names, photos.paths, strict=True)}
    for (name, path), same in photos.absent.items():
        # The same file again is as good as the first of its kind.
        places[name, path.stem] = -1 if same is None else position_of.get(same, -1)

    def find(photo: tuple[str, int]) -> int | None:
        name, number = photo
        stems = (f"{name}_{number:04d}", f"{name}_{number}", f"{number:04d}", f"{number}")
        return next((places[name, stem] for stem in stems if (name, stem) in places), None)

    return find
