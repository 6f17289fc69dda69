"""The state of the site at a glance, for the staff's first page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import cast

from celery import current_app
from django.core.cache import cache
from django.db.models import Count, Exists, F, OuterRef, QuerySet
from django.db.models.functions import Floor, Greatest, Least, TruncDate
from django.utils import timezone
from redis.exceptions import RedisError

from recognition.models import Decision, Embedding, GalleryBuild, GalleryChange, Identity, Photo

WORKER_KEY = "overview:worker"
WORKER_KNOWN = 10  # seconds for which an answer of the workers is believed
RECENT_KEY = "overview:recent"
RECENT_KNOWN = 60  # seconds
SCORE_STEP = 0.02
WORKER_PATIENCE = 1.0  # seconds; one that is there answers at once unless the machine is very busy


@dataclass(frozen=True, slots=True)
class PeopleCount:
    """``without_vector``: enrolled, but not one photo is ready, so nobody can be recognised as them."""

    active: int
    suspended: int
    without_vector: int


@dataclass(frozen=True, slots=True)
class IndexState:
    """``behind``: changes that the built file lacks. They count all the same, from each process's memory."""

    build: GalleryBuild | None
    behind: int


def count_people() -> PeopleCount:
    status = dict(Identity.objects.order_by().values_list("status").annotate(Count("pk")))
    unknown = Identity.objects.filter(
        ~Exists(Embedding.objects.filter(identity=OuterRef("pk"), model_version__active=True))
    )
    return PeopleCount(
        active=int(status.get(Identity.Status.ACTIVE, 0)),
        suspended=int(status.get(Identity.Status.SUSPENDED, 0)),
        without_vector=unknown.count(),
    )


def count_photos() -> dict[str, int]:
    """How many photos are in each state."""
    photos = Photo.objects.filter(identity__merged_into=None).order_by()
    found = dict(photos.values_list("state").annotate(Count("pk")))
    return {state: int(found.get(state, 0)) for state in Photo.State.values}


def count_today() -> dict[str, int]:
    """How many faces were decided today, by outcome."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    rows = Decision.objects.filter(created_at__gte=midnight).order_by()
    found = dict(rows.values_list("outcome").annotate(Count("pk")))
    return {outcome: int(found.get(outcome, 0)) for outcome in Decision.Outcome.values}


@dataclass(frozen=True, slots=True)
class Recent:
    """The decisions of the last days.

    days: of the site's time zone, oldest first, each with how many had which outcome. scores: of searches with the
    model in use that thresholds decided: how many were a match, and how many none, in each step of `SCORE_STEP` from 0
    on. reasons: code -> how many, of what was no match, most first.
    """

    days: list[tuple[date, dict[str, int]]]
    scores: list[tuple[int, int]]
    reasons: dict[str, int]


def recent_decisions(days: int = 30) -> Recent:
    """Counted at most once a minute."""
    try:
        return cast(Recent, cache.get_or_set(f"{RECENT_KEY}:{days}", lambda: _recent(days), RECENT_KNOWN))
    except RedisError:
        return _recent(days)


def _recent(days: int) -> Recent:
    today = timezone.localdate()
    first = today - timedelta(days=days - 1)
    start = timezone.make_aware(datetime.combine(first, time.min))
    rows = Decision.objects.filter(created_at__gte=start).order_by()
    counts: dict[date, dict[str, int]] = {first + timedelta(days=n): {} for n in range(days)}
    by_day = rows.annotate(day=TruncDate("created_at")).values_list("day", "outcome")
    for day, outcome, number in by_day.annotate(Count("pk")):
        counts.setdefault(day, {})[outcome] = number
    failed = rows.exclude(outcome=Decision.Outcome.MATCH).values_list("reason").annotate(n=Count("pk"))
    return Recent(
        days=list(counts.items()),
        scores=_scores(rows),
        reasons={reason: number for reason, number in failed.order_by("-n", "reason") if reason},
    )


def _scores(rows: QuerySet[Decision]) -> list[tuple[int, int]]:
    searched = rows.filter(
        model_version__active=True,
        kind__in=[Decision.Kind.IDENTIFY, Decision.Kind.LOGIN, Decision.Kind.WATCH],
        outcome__in=[Decision.Outcome.MATCH, Decision.Outcome.NO_MATCH],
        score__isnull=False,
    )
    steps = round(1 / SCORE_STEP)
    found = [[0, 0] for _ in range(steps)]
    step = Least(Greatest(Floor(F("score") / SCORE_STEP), 0.0), steps - 1.0)
    for place, outcome, number in searched.values_list(step, "outcome").annotate(Count("pk")):
        found[int(place)][outcome != Decision.Outcome.MATCH] += number
    return [(matches, others) for matches, others in found]


def index_state() -> IndexState:
    build = GalleryBuild.objects.filter(model_version__active=True).first()
    done = build.change_number if build else 0
    return IndexState(build, GalleryChange.objects.filter(id__gt=done).count())


def worker_answers() -> bool:
    """Whether a Celery worker is there. Asked at most every ten seconds; without Redis there is none."""
    try:
        known = cache.get(WORKER_KEY)
        if known is None:
            known = _ask_workers()
            cache.set(WORKER_KEY, known, WORKER_KNOWN)
    except RedisError:
        return False
    return bool(known)


def _ask_workers() -> bool:
    try:
        return bool(current_app.control.inspect(timeout=WORKER_PATIENCE, limit=1).ping())
    except Exception:  # whatever the transport raises, nobody was reached
        return False
