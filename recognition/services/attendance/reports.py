"""Attendance by day: of people, of kiosks, and every single time. Days are those of the site's time zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext

from recognition.models import Attendance, Decision
from recognition.services.attendance.records import LONGEST_STAY
from recognition.services.errors import Invalid

MOST_DAYS = 366
LAST_DAY = date(2199, 12, 31)
# A stay begins where somebody comes in and ends where the same person goes out next; it belongs to the day on which it
# began. Whoever goes out without having come in has a stay without a beginning.
DAYS = """
    WITH seen AS (
        SELECT identity_id, kind, at, api_key_id,
            lead(kind) OVER turns AS next_kind, lead(at) OVER turns AS next_at, lead(api_key_id) OVER turns AS next_key,
            lag(kind) OVER turns AS last_kind, lag(at) OVER turns AS last_at
        FROM recognition_attendance
        WHERE at >= %(from)s - %(longest)s AND at < %(to)s + %(longest)s
            AND (%(people)s::bigint[] IS NULL OR identity_id = ANY(%(people)s))
        WINDOW turns AS (PARTITION BY identity_id ORDER BY at, id)
    ), stays AS (
        SELECT identity_id, at AS came, api_key_id AS came_by,
            CASE WHEN next_kind = 'out' AND next_at - at <= %(longest)s THEN next_at END AS went,
            CASE WHEN next_kind = 'out' AND next_at - at <= %(longest)s THEN next_key END AS went_by
        FROM seen WHERE kind = 'in'
        UNION ALL
        SELECT identity_id, NULL, NULL, at, api_key_id FROM seen
        WHERE kind = 'out' AND NOT coalesce(last_kind = 'in' AND at - last_at <= %(longest)s, false)
    ), dated AS (
        SELECT *, (coalesce(came, went) AT TIME ZONE %(zone)s)::date AS day FROM stays
        WHERE coalesce(came, went) >= %(from)s AND coalesce(came, went) < %(to)s
            AND (%(key)s::bigint IS NULL OR %(key)s IN (came_by, went_by))
    )
    SELECT day, person.id, person.external_id, person.name, min(came),
        (array_agg(went ORDER BY coalesce(came, went) DESC))[1], coalesce(sum(went - came), interval '0'),
        count(*), count(*) FILTER (WHERE went IS NULL), count(*) FILTER (WHERE came IS NULL)
    FROM dated JOIN recognition_identity AS person ON person.id = identity_id
    GROUP BY day, person.id
    ORDER BY day DESC, person.name, person.id
    LIMIT %(limit)s OFFSET %(offset)s
"""


@dataclass(frozen=True, slots=True)
class Span:
    """From one day to another, both in full; of one kiosk or some people, if wished."""

    first: date
    last: date
    key_id: int | None = None
    people: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Raises Invalid for days in the wrong order, too many, or at the end of the calendar."""
        if self.last > LAST_DAY:
            raise Invalid("no_days", gettext("Choose a day of this century or the next."))
        if self.last < self.first:
            raise Invalid("no_days", gettext("The first day is after the last one."))
        if (self.last - self.first).days >= MOST_DAYS:
            raise Invalid("too_many_days", gettext("Choose at most %(days)s days.") % {"days": MOST_DAYS})

    @property
    def start(self) -> datetime:
        return _midnight(self.first)

    @property
    def end(self) -> datetime:
        return _midnight(self.last + timedelta(days=1))

    def of(self, rows: QuerySet[Any], moment: str = "at") -> QuerySet[Any]:
        """Those of these days, this kiosk and these people."""
        wanted: dict[str, Any] = {f"{moment}__gte": self.start, f"{moment}__lt": self.end}
        if self.key_id is not None:
            wanted["api_key"] = self.key_id
        if self.people is not None:
            wanted["identity__in"] = self.people
        return rows.filter(**wanted)


@dataclass(frozen=True, slots=True)
class PersonDay:
    """A person's day. came: the first time. went: of the last stay, None where nobody saw the person leave.

    inside: the sum of stays of which both ends are known. not_seen_leaving, not_seen_coming: how many stays lack one.
    """

    day: date
    identity_id: int
    external_id: str
    name: str
    came: datetime | None
    went: datetime | None
    inside: timedelta
    stays: int
    not_seen_leaving: int
    not_seen_coming: int


@dataclass(frozen=True, slots=True)
class KioskDay:
    """A kiosk's day: how many came and went, how many people these were, and how many times somebody was refused."""

    day: date
    kiosk: str
    place: str
    came: int
    went: int
    people: int
    refused: int


def person_days(span: Span, *, limit: int | None = None, offset: int = 0) -> list[PersonDay]:
    """Newest day first, people by name."""
    values: dict[str, Any] = {
        "from": span.start,
        "to": span.end,
        "longest": LONGEST_STAY,
        "zone": timezone.get_default_timezone_name(),
        "key": span.key_id,
        "people": None if span.people is None else list(span.people),
        "limit": limit,
        "offset": offset,
    }
    with connection.cursor() as cursor:
        cursor.execute(DAYS, values)
        return [PersonDay(*row) for row in cursor.fetchall()]


def kiosk_days(span: Span) -> list[KioskDay]:
    """Newest day first. Of a kiosk that had another place on the same day, each place for itself."""
    rows = (
        span.of(Attendance.objects.all())
        .annotate(day=TruncDate("at"))
        .values("day", "api_key__name", "api_key", "place")
        .annotate(
            came=Count("pk", filter=Q(kind=Attendance.Kind.IN)),
            went=Count("pk", filter=Q(kind=Attendance.Kind.OUT)),
            people=Count("identity", distinct=True),
        )
        .order_by()
    )
    refused = _refused(span)
    found = [
        KioskDay(
            row["day"],
            row["api_key__name"],
            row["place"],
            row["came"],
            row["went"],
            row["people"],
            refused.pop((row["day"], row["api_key"]), (0, "", ""))[0],
        )
        for row in rows.order_by("-day", "api_key__name", "place")
    ]
    found += [
        KioskDay(day, name, place, 0, 0, 0, count) for (day, _), (count, name, place) in refused.items()
    ]
    return sorted(found, key=lambda row: (-row.day.toordinal(), row.kiosk, row.place))


def _refused(span: Span) -> dict[tuple[date, int], tuple[int, str, str]]:
    """(day, kiosk) -> how many, its name and place."""
    rows = (
        span.of(Decision.objects.filter(api_key__isnull=False), "created_at")
        .exclude(outcome=Decision.Outcome.MATCH)
        .annotate(day=TruncDate("created_at"))
        .values("day", "api_key", "api_key__name", "api_key__place")
        .annotate(count=Count("pk"))
        .order_by()
    )
    return {
        (row["day"], row["api_key"]): (row["count"], row["api_key__name"], row["api_key__place"])
        for row in rows
    }


def times(span: Span) -> Iterator[Attendance]:
    """Every attendance, oldest first, with person and kiosk."""
    rows = span.of(Attendance.objects.select_related("identity", "api_key"))
    return rows.order_by("at", "id").iterator(chunk_size=2000)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
