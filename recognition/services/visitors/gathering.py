"""Whose face is it: each new face of a stranger is put to the visitor whom it is like, or to a new one.

It is like a visitor when it would be recognised as one in 1:N: scored as the gallery scores people, by the threshold of
the policy in force for as many visitors as there are. A wrong join names one person's events after another, a wrong
parting costs a click, so that nothing less is enough; there is no chain from face to face either, as the mean counts.
One worker at a time does it, so that two who meet the same stranger at once do not make two visitors.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from recognition.engine.measures.identification import Enrolled
from recognition.engine.types import Floats
from recognition.models import Appearance, Identity, ThresholdPolicy, Visitor
from recognition.services import queue
from recognition.services.gallery import load_vectors
from recognition.services.recognition import Strangers, clearly_below, drop_faces, remove_appearances
from recognition.services.thresholds import active_policy, threshold_among
from recognition.services.visitors.renewing import renew

log = logging.getLogger(__name__)

LOCK = 7_261_005
SLICE_SECONDS = 20.0  # other tasks want the worker, too
# So much is kept, compared and held in memory at most; what was seen longest ago goes first.
MOST_VISITORS = 2_000
MOST_APPEARANCES = 200  # of a visitor
KEPT_FACES = 5  # of a visitor, the best


def gather() -> int:
    """Put the faces that wait to visitors; returns how many. Safe to call twice and in several workers at once."""
    if settings.KEEP_VISITORS_DAYS <= 0:
        return 0
    until = time.monotonic() + SLICE_SECONDS
    done = 0
    # Again, for what came while the lock was held: whoever brought it was sent away.
    while _waiting():
        with _alone() as held:
            count = _gather(until) if held else 0
        done += count
        if not count or time.monotonic() >= until:
            break
    if time.monotonic() >= until and _waiting():
        queue.enqueue_again(queue.GATHER_VISITORS)
    return done


def _waiting() -> bool:
    version = active_policy().model_version
    others = Appearance.objects.exclude(model_version=version).exclude(key=None)
    return Appearance.objects.filter(visitor=None).exists() or others.exists()


@contextmanager
def _alone() -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        (held,) = cursor.fetchone()
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _gather(until: float) -> int:
    policy = active_policy()
    if not renew(policy.model_version, until):
        return 0  # the rest has to be of this model, too, before anything can be compared
    waiting = set(Appearance.objects.filter(visitor=None).values_list("pk", flat=True))
    kept = Strangers.load(policy.model_version)
    known = _Compared(policy, kept.only(kept.visitors > 0), _suspended(policy))
    fresh = kept.only(kept.visitors == 0)
    unreadable = waiting - set(fresh.numbers.tolist())
    count = remove_appearances(Appearance.objects.filter(pk__in=unreadable, visitor=None))
    for number, vector in zip(fresh.numbers.tolist(), fresh.vectors, strict=True):
        _put(number, vector, known)
        count += 1
        if time.monotonic() >= until:
            break
    return count


@dataclass(slots=True)
class _Compared:
    """What a face is compared with: the visitors, and the people who are not looked for at present."""

    policy: ThresholdPolicy
    visitors: Strangers
    suspended: Enrolled | None

    def threshold(self) -> float:
        return threshold_among(self.policy, len(np.unique(self.visitors.visitors)))

    def is_suspended(self, vector: Floats) -> bool:
        """Who is suspended, or withdrew consent, is no stranger, and least of all to be kept as one."""
        if self.suspended is None:
            return False
        return not clearly_below(float(self.suspended.scores(vector[None]).max()), self.policy)

    def forget(self, visitors: list[int]) -> None:
        self.visitors = self.visitors.only(~np.isin(self.visitors.visitors, visitors))


def _suspended(policy: ThresholdPolicy) -> Enrolled | None:
    owners, vectors = load_vectors(policy.model_version, status=Identity.Status.SUSPENDED)
    return Enrolled.of(owners, vectors) if len(owners) else None


def _put(number: int, vector: Floats, known: _Compared) -> None:
    if known.is_suspended(vector):
        remove_appearances(Appearance.objects.filter(pk=number))
        return
    nearest = next(iter(known.visitors.like(vector[None])), (0, -1.0))
    like = nearest[0] if nearest[1] >= known.threshold() else 0
    if not like:
        known.forget(_make_room())
    with transaction.atomic():
        # Visitors before their appearances, as everybody locks them. One who was named meanwhile is gone.
        visitor = Visitor.objects.select_for_update().filter(pk=like).first()
        waiting = Appearance.objects.select_for_update(of=("self",)).filter(pk=number, visitor=None)
        if not waiting.values_list("pk", flat=True).first():
            return
        if visitor is None:
            known.forget([like])
            visitor = Visitor.objects.create()
        Appearance.objects.filter(pk=number).update(visitor=visitor)
        dropped = trim(visitor)
    known.visitors.put(number, visitor.pk, vector)
    known.visitors = known.visitors.only(~np.isin(known.visitors.numbers, dropped))


def _make_room() -> list[int]:
    """For one more visitor; answers who had to go."""
    surplus = Visitor.objects.count() + 1 - MOST_VISITORS
    if surplus <= 0:
        return []
    seen = Visitor.objects.annotate(last=Max("appearances__at")).order_by("last", "pk")
    gone = list(seen.values_list("pk", flat=True)[:surplus])
    remove_appearances(Appearance.objects.filter(visitor__in=gone))
    return gone


def trim(visitor: Visitor) -> list[int]:
    """Keep the best faces and the last appearances of a locked visitor; answers the numbers of those without a face
    since."""
    rows = Appearance.objects.filter(visitor=visitor)
    old = list(rows.order_by("-at", "-pk").values_list("pk", flat=True)[MOST_APPEARANCES:])
    remove_appearances(Appearance.objects.filter(pk__in=old))
    faces = rows.exclude(key=None).order_by("-quality", "-pk").values_list("pk", flat=True)
    surplus = list(faces[KEPT_FACES:])
    drop_faces(Appearance.objects.filter(pk__in=surplus))
    return old + surplus
