"""What is told of an event, the same to whoever is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from recognition.models import Attendance, Decision, Webhook


def message_of(type: str, subject: int, at: datetime, *, with_names: bool) -> dict[str, Any] | None:
    """Type, time, and what happened, as it is known now; None when the record is gone.

    Never scores, vectors or pictures. subject: primary key of the attendance or decision.
    """
    came_or_went = type in (Webhook.Type.CAME, Webhook.Type.WENT)
    data = (_attendance if came_or_went else _decision)(subject, with_names)
    return None if data is None else {"type": type, "timestamp": at.isoformat(), "data": data}


def _attendance(subject: int, with_names: bool) -> dict[str, Any] | None:
    row = Attendance.objects.select_related("identity", "api_key").filter(pk=subject).first()
    if row is None:
        return None
    return {
        "attendance": row.pk,
        "event": row.decision_id,
        "at": row.at.isoformat(),
        "person": _person(row.identity, with_names),
        "kiosk": row.api_key.name,
        "place": row.place,
    }


def _decision(subject: int, with_names: bool) -> dict[str, Any] | None:
    row = Decision.objects.select_related("identity", "api_key", "camera").filter(pk=subject).first()
    if row is None:
        return None
    device = row.api_key or row.camera
    return {
        "event": row.pk,
        "at": row.created_at.isoformat(),
        "person": _person(row.identity, with_names),
        "reason": row.reason,
        "kiosk": row.api_key.name if row.api_key else None,
        "camera": row.camera.name if row.camera else None,
        "place": device.place if device else "",
        "liveness": _passed(row.liveness),
    }


def _passed(liveness: dict[str, Any] | None) -> str | None:
    """``challenge`` or ``passive`` where it was passed."""
    return str(liveness["mode"]) if liveness and liveness.get("state") == "passed" else None


def _person(identity: Any, with_names: bool) -> dict[str, str] | None:
    if identity is None:
        return None
    told = {"external_id": identity.external_id}
    return told | {"name": identity.name} if with_names else told
