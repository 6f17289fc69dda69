"""Attendance in the admin: the list of every time, the report by day, its files."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from django.utils import timezone
from openpyxl import load_workbook

from recognition.models import ApiKey, Attendance, AuditEntry
from recognition.services import keys
from recognition.services.identities import people
from tests.admin.conftest import said

LIST = "/admin/recognition/attendance/"
REPORT = f"{LIST}report/"
EXPORT = f"{LIST}export/"
DAY = "first=2026-03-02&last=2026-03-02"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.fixture
def week(db) -> ApiKey:
    """Ann and Bình on the second of March, as the site has it; who is first there is on the first in UTC."""
    door = keys.add_kiosk(name="Front door", place="Gate")[0]
    ann, binh = people.create_identity(name="Ann", external_id="A1"), people.create_identity(name="Bình")
    for person, kind, hour, minute in (
        (ann, "in", 6, 30), (ann, "out", 17, 0), (binh, "in", 20, 5), (binh, "out", 26, 15)
    ):  # fmt: skip
        at = datetime(2026, 3, 2, tzinfo=ZONE) + timedelta(hours=hour, minutes=minute)
        row = Attendance.objects.create(
            identity=person, kind=kind, at=at, api_key=door, place="Gate", read=uuid4()
        )
        Attendance.objects.filter(pk=row.pk).update(created_at=at + timedelta(minutes=minute // 15))
    with override_settings(TIME_ZONE=ZONE.key):
        yield door


def rows(response) -> list[tuple[str, ...]]:
    return [(row.name, row.day.isoformat()) for row in response.context["rows"]]


def test_every_time_newest_first_and_which_arrived_later(owner, week):
    page = owner.get(LIST)
    listed = [(row.identity.name, row.kind) for row in page.context["cl"].result_list]
    assert listed == [("Bình", "out"), ("Bình", "in"), ("Ann", "out"), ("Ann", "in")]
    assert "2 Mar 2026, 06:30:00" in page.text
    assert "2 Mar, 06:32" in page.text  # the one that arrived later
    assert "2 Mar, 20:05" not in page.text
    assert len(owner.get(f"{LIST}?at_from=2026-03-03").context["cl"].result_list) == 1
    assert len(owner.get(f"{LIST}?q=binh").context["cl"].result_list) == 2


def test_the_report_by_day(owner, week):
    page = owner.get(f"{REPORT}?{DAY}")
    assert rows(page) == [("Ann", "2026-03-02"), ("Bình", "2026-03-02")]
    for text in ("06:30", "17:00", "10:30", "02:15 +1", "Asia/Ho_Chi_Minh", "Mon 2 Mar 2026"):
        assert text in page.text
    assert rows(owner.get(f"{REPORT}?first=2026-03-01&last=2026-03-01")) == []


def test_of_a_person_or_a_kiosk(owner, week):
    assert rows(owner.get(f"{REPORT}?{DAY}&person=binh")) == [("Bình", "2026-03-02")]
    assert rows(owner.get(f"{REPORT}?{DAY}&person=a1")) == [("Ann", "2026-03-02")]
    assert rows(owner.get(f"{REPORT}?{DAY}&person=nobody")) == []
    assert len(rows(owner.get(f"{REPORT}?{DAY}&kiosk={week.pk}"))) == 2


def test_by_kiosk(owner, week):
    (row,) = owner.get(f"{REPORT}?{DAY}&of=kiosks").context["rows"]
    assert (row.kiosk, row.place, row.came, row.went, row.people) == ("Front door", "Gate", 2, 1, 2)


def test_without_days_it_is_this_week(owner, week):
    today = timezone.localdate()
    form = owner.get(REPORT).context["form"].data
    assert (form["first"], form["last"]) == (f"{today - timedelta(days=today.weekday())}", f"{today}")


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("first=2026-03-02&last=2026-03-01", "The first day is after the last one."),
        ("first=2020-01-01&last=2026-03-01", "Choose at most 366 days."),
        ("first=yesterday", "From: Enter a valid date."),
        ("last=9999-12-31", "Choose a day of this century or the next."),
        ("kiosk=987654", "Kiosk: Select a valid choice. That choice is not one of the available choices."),
        ("person=a%00b", "Person or ID: Null characters are not allowed."),
    ],
)
@pytest.mark.parametrize("page", [REPORT, f"{EXPORT}"])
def test_what_makes_no_report(owner, week, page, query, complaint):
    response = owner.get(f"{page}?file=xlsx&{query}", follow=True)
    assert response.status_code == 200
    assert complaint in said(response)


def test_long_reports_have_pages(owner, week, monkeypatch):
    monkeypatch.setattr("recognition.admin.attendance.ROWS", 1)
    first = owner.get(f"{REPORT}?{DAY}&person=n")
    assert rows(first) == [("Ann", "2026-03-02")]
    second = owner.get(f"{REPORT}?{first.context['more']}")
    assert rows(second) == [("Bình", "2026-03-02")]
    assert (second.context["more"], "page=1" in second.context["before"]) == ("", True)


def test_csv(owner, week):
    response = owner.get(f"{EXPORT}?{DAY}&file=people&person=ann")
    assert (
        response["Content-Disposition"]
        == 'attachment; filename="attendance-2026-03-02-2026-03-02-people.csv"'
    )
    assert "no-store" in response["Cache-Control"]
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    assert list(csv.DictReader(io.StringIO(text))) == [
        {
            "date": "2026-03-02", "person": "Ann", "ID": "A1", "came": "2026-03-02 06:30:00",
            "went": "2026-03-02 17:00:00", "inside": "10:30", "stays": "1", "remark": "",
        }
    ]  # fmt: skip


def test_xlsx(owner, week):
    response = owner.get(f"{EXPORT}?{DAY}&file=xlsx")
    book = load_workbook(io.BytesIO(b"".join(response.streaming_content)))
    assert [row[1].value for row in book["People by day"].iter_rows(min_row=2)] == ["Ann", "Bình"]
    assert book["Every time"].max_row == 4  # the title, and who went on the day after is not among them


def test_a_file_that_leaves_the_site_is_noted(owner, week):
    owner.get(f"{EXPORT}?{DAY}&file=people")
    entry = AuditEntry.objects.filter(action="export.attendance").get()
    assert (entry.who, entry.detail) == (
        "owner",
        {"first": "2026-03-02", "last": "2026-03-02", "file": "people"},
    )


def test_another_file_is_none(owner, week):
    assert owner.get(f"{EXPORT}?{DAY}&file=secrets").status_code == 302


@pytest.mark.parametrize("page", [LIST, REPORT, EXPORT])
def test_who_may(page, week, owner, staff, outsider, client):
    assert owner.get(page).status_code in (200, 302)
    assert staff("view_attendance").get(page).status_code in (200, 302)
    assert staff("view_identity", "view_decision").get(page).status_code == 403
    assert outsider.get(page).status_code == client.get(page).status_code == 302


def test_nothing_here_is_written(owner, week):
    pk = Attendance.objects.first().pk
    assert owner.get(f"{LIST}add/").status_code == 403
    assert owner.post(f"{LIST}{pk}/delete/", {"post": "yes"}).status_code == 403
    assert Attendance.objects.count() == 4


def test_names_lead_to_people_for_who_may_open_them(staff, week):
    assert "/identity/" in staff("view_attendance", "view_identity").get(f"{REPORT}?{DAY}").text
    assert "/recognition/identity/" not in staff("view_attendance").get(f"{REPORT}?{DAY}").text
