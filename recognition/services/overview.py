"""The state of the site at a glance, for the staff's first page."""

from __future__ import annotations

from dataclasses import dataclass

from celery import current_app
from django.core.cache import cache
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone
from redis.exceptions import RedisError

from recognition.models import Decision, Embedding, GalleryBuild, GalleryChange, Identity, Photo

WORKER_KEY = "overview:worker"
WORKER_KNOWN = 10  # seconds for which an answer of the workers is believed
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
    found = dict(Photo.objects.order_by().values_list("state").annotate(Count("pk")))
    return {state: int(found.get(state, 0)) for state in Photo.State.values}


def count_today() -> dict[str, int]:
    """How many faces were decided today, by outcome."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    rows = Decision.objects.filter(created_at__gte=midnight).order_by()
    found = dict(rows.values_list("outcome").annotate(Count("pk")))
    return {outcome: int(found.get(outcome, 0)) for outcome in Decision.Outcome.values}


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
