"""Noting what no trigger can see: sign-ins, looks at pictures, exports, refusals."""

from __future__ import annotations

from typing import Any

from recognition.models import AuditEntry
from recognition.services.audit.context import Actor, acting

LONGEST = 200


def record(
    action: str,
    *,
    kind: str = "",
    number: object = "",
    person: int | None = None,
    actor: Actor | None = None,
    **detail: Any,
) -> None:
    """Note that this happened. kind, number: what it was done to. person: the number of whom it is about.

    detail: small values for machines; never a picture, a vector, a name of a person or a secret.
    """
    by = actor or acting()
    AuditEntry.objects.create(
        action=action,
        who=by.who[:LONGEST],
        user=by.user,
        key=by.key,
        address=by.address,
        way=by.way,
        kind=kind,
        object=str(number)[:60],
        person=person,
        detail=detail,
    )
