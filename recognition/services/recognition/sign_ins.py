"""What is known about signing in by face."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from recognition.models import Decision, Identity
from recognition.services.recognition.answers import FaceAnswer

SEVERAL_PEOPLE = "several_people"


def set_user(*, probe: UUID, face: FaceAnswer, user_id: int) -> None:
    """Note with the decision about this face which account it opened."""
    Decision.objects.filter(
        kind=Decision.Kind.LOGIN, outcome=Decision.Outcome.MATCH, probe=probe, identity=face.identity
    ).update(user_id=user_id)


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


def is_recognised(*, user_id: int) -> bool:
    """Whether the account belongs to a person who is known by face at present."""
    return Identity.objects.filter(user_id=user_id, status=Identity.Status.ACTIVE).exists()


def recent_sign_ins(*, user_id: int, limit: int = 10) -> QuerySet[Decision]:
    """The last times when a face opened this account, newest first."""
    return Decision.objects.filter(kind=Decision.Kind.LOGIN, user_id=user_id).order_by("-id")[:limit]
