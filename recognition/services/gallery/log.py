"""The log of whose vectors changed, by which every process and every store learns what it lacks."""

from __future__ import annotations

from collections.abc import Sized
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from recognition.models import GalleryChange

CHANGE_LOCK = 7_261_001  # advisory lock: change numbers are committed in the order in which they are taken
MOST_CHANGES = 5_000  # people, or a twentieth of them; beyond that, loading everything is the faster way


def record_change(*identity_ids: int | None) -> None:
    """Log that these people's vectors or states changed. Must run inside the transaction that changes them."""
    if not connection.in_atomic_block:
        raise RuntimeError("a change is recorded in the transaction that makes it")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHANGE_LOCK])
    GalleryChange.objects.bulk_create(GalleryChange(identity=pk) for pk in identity_ids)


class Mark(NamedTuple):
    """A place in the log. The time tells it from a place of the same number in a restored database's log."""

    number: int
    at: datetime | None = None  # None for one that was read from a file


def last_mark() -> Mark:
    row = GalleryChange.objects.order_by("-id").values_list("id", "created_at").first()
    return Mark(*row) if row else Mark(0)


def last_change() -> int:
    return last_mark().number


def changed_between(own: Mark, mark: Mark, gallery: Sized) -> list[int] | None:
    """Whose vectors changed between two places of the log, ascending; None when everything has to be loaded anew.

    gallery: whose number of people is asked for only when there are many changes.
    """
    if own == mark or own == Mark(mark.number):
        return []
    # One query, so that nothing between the two can be pruned unnoticed: pruning begins at the old end.
    rows = list(
        GalleryChange.objects.filter(id__gte=own.number, id__lte=mark.number)
        .order_by("id")
        .values_list("id", "created_at", "identity")
    )
    # Without our own place the log is pruned, or it is that of a database restored from a backup.
    if not rows or rows[0][0] != own.number or own.at not in (None, rows[0][1]):
        return None
    changed = sorted({identity for _, _, identity in rows[1:] if identity is not None})
    everything = any(identity is None for _, _, identity in rows[1:])
    if everything or (len(changed) > MOST_CHANGES and len(changed) > len(gallery) // 20):
        return None
    return changed
