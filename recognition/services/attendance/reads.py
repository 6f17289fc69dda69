"""A picture of a kiosk: who is on it, and the attendance that it stands for."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from django.db.models import Q
from django.utils import timezone

from recognition.models import ApiKey, Decision
from recognition.services import webhooks
from recognition.services.attendance.records import Attended, record
from recognition.services.recognition import Asker, FaceAnswer, Identification, identify

OLDEST = timedelta(days=31)  # how long a kiosk may have been without a connection
ENCOUNTER = timedelta(seconds=10)  # within which the same outcome of a kiosk is recorded once
NUMBERS = UUID("5b0f4c1e-6f0c-4a38-9d7f-0d3c9a6b2c41")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the kiosk is told. attended: for each face its attendance, None for whoever was not recognised."""

    read: UUID
    at: datetime
    answer: Identification
    attended: tuple[Attended | None, ...]

    def as_dict(self) -> dict[str, Any]:
        """Of people who were not recognised nothing but where they are and why."""
        rows = zip(self.answer.faces, self.attended, strict=True)
        return {
            "read": str(self.read),
            "at": self.at,
            "reason": self.answer.reason,
            "faces": [_face(face, attended) for face, attended in rows],
        }


def read(data: bytes, *, asker: Asker, read: UUID, age: timedelta = timedelta(0)) -> Reading:
    """Decide who is on a kiosk's picture, and record the attendance of everybody who is recognised.

    read: the kiosk's own number for this picture; sending it again records nothing twice. age: how long ago it was
    taken, at most `OLDEST`. Of the same person, or of somebody unknown, whom the kiosk goes on seeing, a decision is
    recorded every ten seconds. Raises Invalid when the bytes are no usable picture.
    """
    key = asker.api_key
    assert key is not None
    now = timezone.now()
    at = now - max(timedelta(0), min(age, OLDEST))
    probe = uuid5(NUMBERS, f"{key.pk} {read}")
    known = _known(key, probe, now, age)
    sent_again = Decision.objects.filter(probe=probe).exists()
    answer = identify(
        data, asker=asker, probe=probe, worth=lambda face: not sent_again and _sight(face) not in known
    )
    attended = tuple(
        record(
            identity_id=face.identity.pk,
            key=key,
            at=at,
            read=read,
            decision_id=face.decision_id or known.get(_sight(face)),
        )
        if face.identity is not None
        else None
        for face in answer.faces
    )
    webhooks.wake()
    return Reading(read, at, answer, attended)


def _known(key: ApiKey, probe: UUID, now: datetime, age: timedelta) -> dict[Hashable, int]:
    """What this kiosk's last decisions were about, each with its number: of this picture if it was sent before, else of
    the last seconds. Of pictures that were kept many arrive together, which are from different moments."""
    rows = Decision.objects.filter(api_key=key).order_by("id")
    if age > ENCOUNTER:
        rows = rows.filter(probe=probe)
    else:
        rows = rows.filter(Q(probe=probe) | Q(created_at__range=(now - ENCOUNTER, now + ENCOUNTER)))
    return {tuple(sight): pk for pk, *sight in rows.values_list("pk", "outcome", "reason", "identity")}


def _sight(face: FaceAnswer) -> Hashable:
    """What makes two faces, seen one after the other, the same news."""
    return face.decision, face.reason, face.identity.pk if face.identity else None


def _face(face: FaceAnswer, attended: Attended | None) -> dict[str, Any]:
    return {
        "box": [round(float(value), 1) for value in face.seen.face.box],
        "decision": face.decision,
        "reason": face.reason,
        "person": None
        if face.identity is None or attended is None
        else {"external_id": face.identity.external_id, "name": face.identity.name},
        "attendance": None
        if attended is None
        else {"kind": attended.row.kind, "at": attended.row.at, "repeated": attended.repeated},
    }
