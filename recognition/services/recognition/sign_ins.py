"""What is known about signing in by face."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from recognition.models import Decision, Identity
from recognition.services import webhooks

SEVERAL_PEOPLE = "several_people"


SECOND_STEP = "second_step"


def set_user(*, probe: UUID, user_id: int) -> None:
    """Note with the decision about this person's face that it opened the account."""
    acted = Q(outcome=Decision.Outcome.MATCH) | Q(outcome=Decision.Outcome.REJECTED, reason=SECOND_STEP)
    Decision.objects.filter(acted, kind=Decision.Kind.LOGIN, probe=probe, identity__user_id=user_id).update(
        outcome=Decision.Outcome.MATCH, reason="", user_id=user_id
    )
    webhooks.wake()


def settle_sign_in(*, probe: UUID, user_id: int) -> None:
    """Of several people who look alike it was the one with this account, who gave its password."""
    identity = Identity.objects.filter(user_id=user_id).first()
    held = Q(outcome=Decision.Outcome.NO_MATCH, reason="ambiguous")
    held |= Q(outcome=Decision.Outcome.REJECTED, reason=SECOND_STEP)
    Decision.objects.filter(held, kind=Decision.Kind.LOGIN, probe=probe).update(
        outcome=Decision.Outcome.MATCH, reason="", identity=identity
    )


def hold_sign_in(*, probe: UUID) -> None:
    """Somebody was recognised and is asked for more; until that is given nothing was acted on."""
    refuse_sign_in(probe=probe, reason=SECOND_STEP)


def refuse_sign_in(*, probe: UUID, reason: str) -> None:
    """Nobody was signed in although somebody was recognised: what was not acted on is no match.

    The person stays named where only one was recognised, so that their page tells of the attempt.
    """
    matches = Decision.objects.filter(
        kind=Decision.Kind.LOGIN, outcome=Decision.Outcome.MATCH, probe=probe, user=None
    )
    if reason == SEVERAL_PEOPLE:
        matches.update(outcome=Decision.Outcome.REJECTED, reason=reason, identity=None)
    else:
        matches.update(outcome=Decision.Outcome.REJECTED, reason=reason)


def recognised_as(*, user_id: int) -> Identity | None:
    """The person who is known by face at present and whose account this is."""
    return Identity.objects.filter(user_id=user_id, status=Identity.Status.ACTIVE).first()


def recent_sign_ins(*, user_id: int, limit: int = 10) -> QuerySet[Decision]:
    """The last times when a face opened this account, newest first."""
    return Decision.objects.filter(kind=Decision.Kind.LOGIN, user_id=user_id).order_by("-id")[:limit]
