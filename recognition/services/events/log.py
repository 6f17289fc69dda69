"""The log of events, read as it grows.

Numbers are given when an event is written, but events are seen when they are committed: number 8 may be seen before
number 7, and whoever went on from 8 would never see 7. So nobody goes past a gap until each transaction that was
writing when the gap was seen has ended. Such a transaction holds a lock on the table, which Postgres tells.
"""

from __future__ import annotations

import time
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from recognition.models import LoggedEvent, Webhook
from recognition.services.clock import before

TYPES = [one.value for one in Webhook.Type if one != Webhook.Type.TEST]
KEPT = timedelta(days=7)
AT_ONCE = 200


class Follower:
    """Reads on from a place. One thread uses it.

    place: the number up to which everything was read. missed: whether events between that place and the first that is
    kept are gone, or the place lies ahead of the log, as after a backup was restored; then it begins with what is kept.
    0 is the place before whatever is kept, from where nothing is missed.
    """

    def __init__(self, after: int) -> None:
        first, last = _ends()
        self.missed = after > last or 0 < after < first - 1
        self.place = last if after > last else max(after, first - 1)
        self._writers: set[str] | None = None  # who was writing when a gap was seen
        self._settled = 0  # up to here a gap is for good, once they have ended

    def read(self) -> list[LoggedEvent]:
        """What came since, in order; at most 200, and nothing behind a gap that may still be filled."""
        rows = self._rows()
        taken = _without_gap(rows, self.place)
        if len(taken) == len(rows):
            self._writers = None
        else:
            if self._writers is None:
                self._writers, self._settled = writers(), rows[-1].pk
            else:
                self._writers &= writers()
            if not self._writers:
                # Only now, after they have ended, is everything there that they wrote.
                taken = _without_gap(self._rows(), self.place, settled=self._settled)
                self._writers = None
        if taken:
            self.place = taken[-1].pk
        return taken

    def _rows(self) -> list[LoggedEvent]:
        return list(LoggedEvent.objects.filter(pk__gt=self.place).order_by("pk")[:AT_ONCE])


def last_number(patience: float = 5.0) -> int:
    """Where to begin in order to be told whatever is committed from now on. patience: seconds that it waits for those
    who are writing just now."""
    number = _ends()[1]
    open_writers, until = writers(), time.monotonic() + patience
    while open_writers and time.monotonic() < until:
        time.sleep(0.02)
        open_writers &= writers()
    return number


def forget_old() -> int:
    """Drop what is older than a week, but never the last one, whose number tells where the log is."""
    old = LoggedEvent.objects.filter(before("at", timezone.now() - KEPT), pk__lt=_ends()[1])
    return old.delete()[0]


def writers() -> set[str]:
    """The transactions of others that may have written to the log and have not ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND pid <> pg_backend_pid() AND relation = 'recognition_loggedevent'::regclass"
        )
        return {row[0] for row in cursor.fetchall()}


def _without_gap(rows: list[LoggedEvent], place: int, *, settled: int = 0) -> list[LoggedEvent]:
    taken = []
    for row in rows:
        if row.pk != place + 1 and row.pk > settled:
            break
        taken.append(row)
        place = row.pk
    return taken


def _ends() -> tuple[int, int]:
    """Numbers of the first and the last event that are kept; 1 and 0 when there is none."""
    numbers = LoggedEvent.objects.order_by("pk").values_list("pk", flat=True)
    first = numbers.first()
    last = numbers.last()
    return (1, 0) if first is None or last is None else (first, last)
