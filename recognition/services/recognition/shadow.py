"""Deciding live probes by the model to come as well, and keeping what it would have said. Nobody is told.

It costs a second embedding and search per probe while a change of the model is compared. Whatever goes wrong here
goes to the log and never to the one who asked.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from django.db import transaction
from django.db.models import Count, Q

from recognition.engine.types import Floats
from recognition.models import Decision, Identity, ModelChange, ShadowDecision, ThresholdPolicy
from recognition.services.analysis import SeenFace, Timings, get_analyzer
from recognition.services.gallery import LiveGallery
from recognition.services.thresholds import judge, policy_of

log = logging.getLogger(__name__)

ASKED_EVERY = 5.0  # seconds; a process learns so late that a comparison began or ended


@dataclass(frozen=True, slots=True)
class _Running:
    change: ModelChange
    policy: ThresholdPolicy
    gallery: LiveGallery


_running: _Running | None = None
_asked = -ASKED_EVERY
_lock = Lock()


def forget() -> None:
    """Ask anew whether a comparison is running."""
    global _asked, _running
    with _lock:
        _asked, _running = -ASKED_EVERY, None


def _current() -> _Running | None:
    global _asked, _running
    with _lock:
        if time.monotonic() - _asked < ASKED_EVERY:
            return _running
        _asked = time.monotonic()
        change = ModelChange.objects.select_related("target").filter(state=ModelChange.State.SHADOW).first()
        policy = policy_of(change.target) if change else None
        if change is None or policy is None:
            _running = None
        elif _running is None or _running.change.pk != change.pk:
            _running = _Running(change, policy, LiveGallery(lambda target=change.target: target))  # type: ignore[misc]
        else:
            _running = _Running(change, policy, _running.gallery)
        return _running


def compare_search(decisions: Sequence[Decision], seen: Sequence[SeenFace], timings: Timings) -> None:
    """decisions: stored ones of a search, one for each of the faces."""
    _compare(decisions, seen, timings, claimed=None)


def compare_claim(decision: Decision, seen: SeenFace, claimed: int, timings: Timings) -> None:
    """decision: a stored one about whether the face is that of the person with this number."""
    _compare([decision], [seen], timings, claimed)


def _compare(
    decisions: Sequence[Decision], seen: Sequence[SeenFace], timings: Timings, claimed: int | None
) -> None:
    try:
        running = _current()
        pairs = [(d, s) for d, s in zip(decisions, seen, strict=True) if s.vector is not None]
        if running is None or not pairs or not _is_before(running, decisions[0].model_version_id):
            return
        with timings.step("shadow"):
            vectors = get_analyzer().embed([s.crop for _, s in pairs], version=running.change.target)
            rows = [
                _shadow(running, decision, vector, claimed)
                for (decision, _), vector in zip(pairs, vectors, strict=True)
            ]
            with transaction.atomic():
                people = {row.identity_id for row in rows if row.identity_id is not None}
                there = set(Identity.objects.filter(pk__in=people).values_list("pk", flat=True))
                for row in rows:
                    if row.identity_id not in there:
                        row.identity_id = None
                ShadowDecision.objects.bulk_create(rows)
    except Exception:
        log.exception("the model to come could not decide a probe")


def _is_before(running: _Running, version_id: int | None) -> bool:
    return version_id == running.change.before_id


def _shadow(running: _Running, decision: Decision, vector: Floats, claimed: int | None) -> ShadowDecision:
    gallery = running.gallery.current()
    if claimed is None:
        matches = gallery.search(vector[None], 2)[0]
        matched = not judge([match.score for match in matches], running.policy)
        best, score = (matches[0].identity_id, matches[0].score) if matches else (None, None)
    else:
        match = gallery.score(vector, claimed)
        best, score = claimed, match.score if match else None
        matched = score is not None and score >= running.policy.verify_threshold
    outcome = Decision.Outcome.MATCH if matched else Decision.Outcome.NO_MATCH
    who = best if matched else None
    said = decision.identity_id if decision.outcome == Decision.Outcome.MATCH else None
    return ShadowDecision(
        decision=decision,
        change=running.change,
        outcome=outcome,
        identity_id=who,
        score=score,
        agrees=outcome == decision.outcome and who == said,
    )


def differences(change: ModelChange, most: int = 20) -> list[ShadowDecision]:
    """The last probes that the two models decided otherwise."""
    rows = change.shadows.filter(agrees=False).select_related("identity", "decision__identity")
    return list(rows.order_by("-id")[:most])


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the two models decided the same probes. other: matched to another person."""

    compared: int
    agreed: int
    gained: int
    lost: int
    other: int


def agreement(change: ModelChange) -> Agreement:
    match, no_match = Decision.Outcome.MATCH, Decision.Outcome.NO_MATCH
    found = change.shadows.aggregate(
        compared=Count("pk"),
        agreed=Count("pk", filter=Q(agrees=True)),
        gained=Count("pk", filter=Q(outcome=match, decision__outcome=no_match)),
        lost=Count("pk", filter=Q(outcome=no_match, decision__outcome=match)),
        other=Count("pk", filter=Q(agrees=False, outcome=match, decision__outcome=match)),
    )
    return Agreement(**found)
