"""Rows of attendance: written once, double reads left out, in and out by turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from recognition.models import ApiKey, Attendance, Identity

TAKEN = ("kind", "stated", "api_key_id", "place")  # beside times and the number of the picture
LONGEST_STAY = timedelta(hours=16)  # whoever came in longer ago has gone out unseen, and comes in again


@dataclass(frozen=True, slots=True)
class Attended:
    """The attendance that a read stands for. repeated: it was there already, as the person was seen a moment before."""

    row: Attendance
    repeated: bool


def record(
    *, identity_id: int, key: ApiKey, at: datetime, read: UUID, decision_id: int | None = None
) -> Attended | None:
    """Note that the kiosk saw this person at that time; None when the person was erased meanwhile.

    Within the kiosk's pause of another attendance of the person nothing is added, whichever of the two arrived first. A
    kiosk at which people only come in, or only go out, leaves the other kind out of account.
    """
    with transaction.atomic():
        # One at a time for each person. Other probes, which keep the person from being erased, go on.
        if not _hold(identity_id):
            return None
        mine = Attendance.objects.filter(identity=identity_id)
        stated = key.direction != ApiKey.Direction.AUTO
        near = _near(mine, at, key, read)
        if near is not None:
            return Attended(near, repeated=True)
        row = Attendance(
            identity_id=identity_id,
            kind=key.direction if stated else _turn(_before(mine, at), at),
            stated=stated,
            at=at,
            api_key=key,
            place=key.place,
            read=read,
            decision_id=decision_id,
        )
        row.save()
        _follow(mine, row.at, row)
    return Attended(row, repeated=False)


def take_from(decision_id: int) -> list[dict[str, Any]]:
    """Remove what was recorded with this decision; answers it in a form that JSON takes, for `give_to`."""
    with transaction.atomic():
        rows = list(Attendance.objects.filter(decision=decision_id))
        for row in rows:
            _hold(row.identity_id)
            mine = Attendance.objects.filter(identity=row.identity_id)
            row.delete()
            _follow(mine, row.at, _before(mine, row.at))
    return [
        {name: getattr(row, name) for name in TAKEN}
        | {"at": row.at.isoformat(), "created_at": row.created_at.isoformat(), "read": str(row.read)}
        for row in rows
    ]


def give_to(identity_id: int, taken: Iterable[Mapping[str, Any]], *, decision_id: int) -> None:
    """Record for this person what was taken from another; whoever was seen a moment before or after has it already."""
    for one in taken:
        at, read = datetime.fromisoformat(one["at"]), UUID(one["read"])
        key = ApiKey.objects.filter(pk=one["api_key_id"]).first()
        with transaction.atomic():
            if key is None or not _hold(identity_id):
                continue
            mine = Attendance.objects.filter(identity=identity_id)
            if _near(mine, at, key, read) is not None:
                continue
            row = Attendance(
                identity_id=identity_id,
                kind=one["kind"] if one["stated"] else _turn(_before(mine, at), at),
                stated=one["stated"],
                at=at,
                api_key=key,
                place=one["place"],
                read=read,
                decision_id=decision_id,
            )
            row.save()
            mine.filter(pk=row.pk).update(created_at=one["created_at"])  # else it would seem to have come now
            _follow(mine, at, row)


def _hold(identity_id: int) -> bool:
    people = Identity.objects.select_for_update(no_key=True).filter(pk=identity_id)
    return people.values_list("pk", flat=True).first() is not None


def _near(mine: QuerySet[Attendance], at: datetime, key: ApiKey, read: UUID) -> Attendance | None:
    """What this read repeats: the same picture sent again, or an attendance less than the kiosk's pause away."""
    pause = timedelta(seconds=key.pause_seconds)
    close = Q(at__gt=at - pause, at__lt=at + pause)
    if key.direction != ApiKey.Direction.AUTO:
        close &= Q(kind=key.direction)
    same = Q(api_key=key, read=read)
    found = mine.filter(same | close).order_by("at", "id")
    return min(found, key=lambda row: abs(row.at - at), default=None)


def _before(mine: QuerySet[Attendance], at: datetime) -> Attendance | None:
    return mine.filter(at__lte=at).order_by("-at", "-id").first()


def _turn(last: Attendance | None, at: datetime) -> str:
    """In, unless the person came in and is not gone yet."""
    inside = last is not None and last.kind == Attendance.Kind.IN and at - last.at <= LONGEST_STAY
    return Attendance.Kind.OUT if inside else Attendance.Kind.IN


def _follow(mine: QuerySet[Attendance], at: datetime, last: Attendance | None) -> None:
    """Take those after this time by turns anew: a kiosk without a connection sends what it saw later than others do."""
    for later in mine.filter(at__gt=at).order_by("at", "id"):
        kind = later.kind if later.stated else _turn(last, later.at)
        if later.stated or kind == later.kind:
            return  # from here on nothing changes
        later.kind = kind
        later.save(update_fields=["kind"])
        last = later


def attendance_before(limit: datetime) -> QuerySet[Attendance]:
    return Attendance.objects.filter(at__lt=limit)


def drop_attendance(rows: QuerySet[Attendance]) -> int:
    """Remove these; returns how many."""
    count, _ = rows.delete()
    return count
