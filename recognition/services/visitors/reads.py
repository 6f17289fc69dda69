"""Visitors as lists and pages want them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Min, OuterRef, QuerySet, Subquery

from recognition.models import Appearance, Visitor
from recognition.services.gallery import live_gallery
from recognition.services.recognition import Strangers
from recognition.services.thresholds import active_policy, fitting_threshold

MOST = 6


def with_times(visitors: QuerySet[Visitor]) -> QuerySet[Any]:
    """Adds first_seen, last_seen, times; last_event: the decision of the last time; face: the appearance whose crop
    stands for the visitor."""
    mine = Appearance.objects.filter(visitor=OuterRef("pk"))
    faces = mine.exclude(key=None).order_by("-quality", "-pk")
    return visitors.annotate(
        first_seen=Min("appearances__at"),
        last_seen=Max("appearances__at"),
        times=Count("appearances"),
        last_event=Subquery(mine.order_by("-at", "-pk").values("decision")[:1]),
        face=Subquery(faces.values("pk")[:1]),
    )


@dataclass(frozen=True, slots=True)
class Resemblance:
    """Whom a visitor is like: numbers of other visitors and of people, each with the score, best first."""

    visitors: list[tuple[int, float]]
    people: list[tuple[int, float]]


def resemblance(visitor: Visitor) -> Resemblance:
    """Other visitors as far as one would not say at once that they are others, and the nearest people. Raises
    EngineError when nothing can be compared."""
    policy = active_policy()
    kept = Strangers.load(policy.model_version)
    mine = kept.only(kept.visitors == visitor.pk)
    if not len(mine.numbers):
        return Resemblance([], [])
    others = kept.only((kept.visitors != visitor.pk) & (kept.visitors > 0)).like(mine.vectors)
    near = [(number, score) for number, score in others[:MOST] if score >= fitting_threshold(policy)]
    best: dict[int, float] = {}
    for matches in live_gallery.current().search(mine.vectors, MOST):
        for match in matches:
            best[match.identity_id] = max(match.score, best.get(match.identity_id, -1.0))
    return Resemblance(near, sorted(best.items(), key=lambda item: -item[1])[:MOST])
