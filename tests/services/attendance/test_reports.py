"""Attendance by day, in the time zone of the site, and as files for spreadsheets."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from openpyxl import load_workbook

from recognition.models import ApiKey, Attendance, Decision, Identity
from recognition.services import keys
from recognition.services.attendance import Span, csv_lines, kiosk_days, person_days, write_xlsx
from recognition.services.errors import Invalid, NotFound
from recognition.services.identities import people

pytestmark = pytest.mark.django_db

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")  # seven hours before UTC: a day there begins on the day before


@pytest.fixture(autouse=True)
def there():
    with override_settings(TIME_ZONE=ZONE.key):
        yield


@pytest.fixture
def ann() -> Identity:
    return people.create_identity(name="Ann", external_id="A1")


@pytest.fixture
def door() -> ApiKey:
    return keys.add_kiosk(name="Door", place="Gate")[0]


def seen(person: Identity, door: ApiKey, *moments: str) -> None:
    """Each as ``in 2 08:00``: kind, day of March, time."""
    for moment in moments:
        kind, day, clock = moment.split()
        hour, minute = map(int, clock.split(":"))
        at = datetime(2026, 3, int(day), hour, minute, tzinfo=ZONE)
        Attendance.objects.create(
            identity=person, kind=kind, at=at, api_key=door, place=door.place, read=uuid4()
        )


def march(first: int, last: int, **only: object) -> Span:
    return Span(date(2026, 3, first), date(2026, 3, last), **only)  # type: ignore[arg-type]


def told(span: Span) -> list[tuple[int, str, str, str, float]]:
    """Day, name, came, went, hours."""

    def clock(moment: datetime | None) -> str:
        return moment.astimezone(ZONE).strftime("%H:%M") if moment else "–"

    return [
        (row.day.day, row.name, clock(row.came), clock(row.went), row.inside / timedelta(hours=1))
        for row in person_days(span)
    ]


def test_the_first_and_the_last_of_a_day_and_the_hours_between(ann, door):
    seen(ann, door, "in 2 00:30", "out 2 12:00", "in 2 13:00", "out 2 17:30")
    assert told(march(1, 3)) == [(2, "Ann", "00:30", "17:30", 16.0)]


def test_a_day_is_one_of_the_site(ann, door):
    seen(ann, door, "in 2 06:59", "out 2 23:59")  # the second and the first of March in UTC
    assert [row[0] for row in told(march(2, 2))] == [2]
    assert told(march(1, 1)) == []
    assert told(march(3, 3)) == []


def test_a_night_belongs_to_the_day_on_which_it_began(ann, door):
    seen(ann, door, "in 2 22:00", "out 3 06:00")
    assert told(march(1, 4)) == [(2, "Ann", "22:00", "06:00", 8.0)]
    assert told(march(3, 3)) == []  # also where the report begins in between


def test_whoever_was_not_seen_leaving_or_coming_is_told_so_and_no_hours_are_made_up(ann, door):
    seen(ann, door, "in 2 08:00", "in 3 08:00", "out 3 17:00", "out 3 18:00", "in 4 08:00", "in 4 13:00")
    assert told(march(1, 9)) == [
        (4, "Ann", "08:00", "–", 0.0),
        (3, "Ann", "08:00", "18:00", 9.0),
        (2, "Ann", "08:00", "–", 0.0),
    ]
    rows = {row.day.day: row for row in person_days(march(1, 9))}
    assert [
        (rows[day].stays, rows[day].not_seen_leaving, rows[day].not_seen_coming) for day in (2, 3, 4)
    ] == [
        (1, 1, 0),
        (2, 0, 1),
        (2, 2, 0),
    ]


def test_of_one_person_or_one_kiosk(ann, door):
    ben = people.create_identity(name="Ben")
    back = keys.add_kiosk(name="Back")[0]
    seen(ann, door, "in 2 08:00")
    seen(ann, back, "out 2 16:00")
    seen(ben, door, "in 2 09:00", "out 2 10:00")
    assert [row[1] for row in told(march(2, 2, people=(ben.pk,)))] == ["Ben"]
    # A stay that one kiosk saw in part is told whole.
    assert told(march(2, 2, key_id=back.pk)) == [(2, "Ann", "08:00", "16:00", 8.0)]


def test_days_from_the_newest_and_people_by_name(ann, door):
    ben = people.create_identity(name="Ben")
    for day in (2, 3):
        seen(ben, door, f"in {day} 08:00")
        seen(ann, door, f"in {day} 09:00")
    assert [row[:2] for row in told(march(1, 9))] == [(3, "Ann"), (3, "Ben"), (2, "Ann"), (2, "Ben")]
    assert [(row.day.day, row.name) for row in person_days(march(1, 9), limit=2, offset=1)] == [
        (3, "Ben"),
        (2, "Ann"),
    ]


def test_kiosks_by_day_with_the_refused(ann, door):
    ben = people.create_identity(name="Ben")
    seen(ann, door, "in 2 08:00", "out 2 12:00", "in 2 13:00")
    seen(ben, door, "in 2 08:30")
    for hour, outcome in ((9, "no_match"), (10, "rejected"), (11, "match")):
        row = Decision.objects.create(kind="identify", outcome=outcome, probe=uuid4(), api_key=door)
        at = datetime(2026, 3, 2, hour, tzinfo=ZONE)
        Decision.objects.filter(pk=row.pk).update(created_at=at)
    late = Decision.objects.create(kind="identify", outcome="no_match", probe=uuid4(), api_key=door)
    Decision.objects.filter(pk=late.pk).update(created_at=datetime(2026, 3, 3, 1, tzinfo=ZONE))
    rows = [
        (r.day.day, r.kiosk, r.place, r.came, r.went, r.people, r.refused) for r in kiosk_days(march(1, 9))
    ]
    assert rows == [(3, "Door", "Gate", 0, 0, 0, 1), (2, "Door", "Gate", 3, 1, 2, 2)]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 3, 2), date(2026, 3, 1)),
        (date(2026, 1, 1), date(2027, 1, 2)),
        (date(9999, 12, 31), date(9999, 12, 31)),
    ],
)
def test_days_that_make_no_report(first, last):
    with pytest.raises(Invalid):
        Span(first, last)


def rows_of(name: str, span: Span) -> list[list[str]]:
    text = b"".join(csv_lines(name, span)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_csv(ann, door):
    seen(ann, door, "in 2 08:00", "out 2 16:30")
    assert rows_of("people", march(1, 3)) == [
        ["date", "person", "ID", "came", "went", "inside", "stays", "remark"],
        ["2026-03-02", "Ann", "A1", "2026-03-02 08:00:00", "2026-03-02 16:30:00", "8:30", "1", ""],
    ]
    assert rows_of("kiosks", march(1, 3))[1] == ["2026-03-02", "Door", "Gate", "1", "1", "1", "0"]
    assert [row[:4] for row in rows_of("times", march(1, 3))[1:]] == [
        ["2026-03-02 08:00:00", "Ann", "A1", "in"],
        ["2026-03-02 16:30:00", "Ann", "A1", "out"],
    ]
    with pytest.raises(NotFound):
        rows_of("others", march(1, 3))


def test_spreadsheets_know_the_letters(ann, door):
    people.update_identity(ann, name="Nguyễn Thị Ánh")
    seen(ann, door, "in 2 08:00")
    assert b"".join(csv_lines("people", march(1, 3))).startswith(b"\xef\xbb\xbf")
    assert rows_of("people", march(1, 3))[1][1] == "Nguyễn Thị Ánh"


def test_xlsx_has_real_dates_and_durations(ann, door):
    seen(ann, door, "in 2 08:00", "out 2 16:30")
    book = sheets(march(1, 3))
    assert book.sheetnames == ["People by day", "Kiosks by day", "Every time", "Notes"]
    assert [cell.value for cell in book["People by day"][2]] == [
        datetime(2026, 3, 2),
        "Ann",
        "A1",
        datetime(2026, 3, 2, 8),
        datetime(2026, 3, 2, 16, 30),
        timedelta(hours=8, minutes=30),
        1,
        None,
    ]
    assert ZONE.key in str([row[0].value for row in book["Notes"]])


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(A1)"])
def test_no_name_becomes_a_formula(ann, door, name):
    people.update_identity(ann, name=name)
    seen(ann, door, "in 2 08:00")
    assert rows_of("people", march(1, 3))[1][1] == f"'{name}"
    cell = sheets(march(1, 3))["People by day"]["B2"]
    assert (cell.value, cell.data_type) == (name, "s")


def sheets(span: Span):
    file = io.BytesIO()
    write_xlsx(span, file)
    return load_workbook(file)
