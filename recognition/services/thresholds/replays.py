"""What past decisions would have been under another threshold policy."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from recognition.models import Decision, Identity, ThresholdPolicy
from recognition.services.thresholds.policies import judge

# Outcomes that thresholds decide. Others (no face, quality, liveness) stay as they were.
BY_THRESHOLD = ("", "not_recognised", "ambiguous", "not_the_same")
MATCH, NO_MATCH = Decision.Outcome.MATCH, Decision.Outcome.NO_MATCH


@dataclass(slots=True)
class Replay:
    """decisions: how many in the time; replayed: how many thresholds decide and the policy's model made; matches: how
    many of these were one.

    gained: no match then, a match now. lost: the reverse. by_person: person -> kind -> how many of each; person None
    for two pictures or somebody erased.
    """

    policy: int
    since: datetime
    decisions: int = 0
    replayed: int = 0
    matches: int = 0
    gained: int = 0
    lost: int = 0
    by_person: dict[int | None, dict[str, int]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )

    @property
    def changed(self) -> int:
        return self.gained + self.lost

    def people(self) -> list[dict[str, Any]]:
        """Those for whom something changes, most changes first."""
        known = Identity.everyone.in_bulk([pk for pk in self.by_person if pk is not None])
        rows = []
        for pk, kinds in self.by_person.items():
            identity = known.get(pk) if pk is not None else None
            rows.append(
                {
                    "identity": identity.pk if identity else None,
                    "external_id": identity.external_id if identity else None,
                    "name": identity.name if identity else None,
                    "gained": sum(n for kind, n in kinds.items() if kind.endswith("gained")),
                    "lost": sum(n for kind, n in kinds.items() if kind.endswith("lost")),
                    "kinds": dict(kinds),
                }
            )
        return sorted(rows, key=lambda row: -(row["gained"] + row["lost"]))

    def as_dict(self) -> dict[str, Any]:
        return {
            "policy": self.policy,
            "since": self.since.isoformat(),
            "decisions": self.decisions,
            "replayed": self.replayed,
            "matches": self.matches,
            "changed": self.changed,
            "gained": self.gained,
            "lost": self.lost,
            "people": self.people(),
        }


def replay(policy: ThresholdPolicy, since: datetime) -> Replay:
    """Decide everything since then again under this policy. Changes nothing."""
    result = Replay(policy.pk, since)
    rows = Decision.objects.filter(created_at__gte=since).order_by("id")
    result.decisions = rows.count()
    decided = rows.filter(
        model_version_id=policy.model_version_id,
        outcome__in=[MATCH, NO_MATCH],
        reason__in=BY_THRESHOLD,
        score__isnull=False,
    ).only("kind", "outcome", "score", "margin", "candidates", "identity_id")
    for decision in decided.iterator(chunk_size=2000):
        result.replayed += 1
        result.matches += decision.outcome == MATCH
        outcome = outcome_under(policy, decision)
        if outcome == decision.outcome:
            continue
        change = "gained" if outcome == MATCH else "lost"
        setattr(result, change, getattr(result, change) + 1)
        result.by_person[_person(decision)][f"{decision.kind}_{change}"] += 1
    return result


def outcome_under(policy: ThresholdPolicy, decision: Decision) -> str:
    """The outcome of a decision that has a score, by the rules of `recognise`."""
    assert decision.score is not None
    if decision.kind == Decision.Kind.VERIFY:
        return MATCH if decision.score >= policy.verify_threshold else NO_MATCH
    # Score and margin were kept apart from the candidates, which lose people who were erased.
    scores = [decision.score]
    if decision.margin is not None:
        scores.append(decision.score - decision.margin)
    return NO_MATCH if judge(scores, policy) else MATCH


def _person(decision: Decision) -> int | None:
    """Whom the decision is about: the one matched or asked for, or the best candidate if it is still there."""
    if decision.identity_id is not None:
        return decision.identity_id
    best = decision.candidates[0] if decision.candidates else None
    if best and decision.score is not None and abs(best["score"] - decision.score) < 1e-5:
        return int(best["identity"])
    return None
