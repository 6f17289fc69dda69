"""Rows of attendance: by turns, once within the pause, whatever order they arrive in."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from recognition.models import ApiKey, Attendance, Identity
from recognition.services import keys
from recognition.services.attendance import attendance_before, drop_attendance
from recognition.services.attendance.records import Attended, record
from recognition.services.identities import erasure, merging, people
from tests.threads import at_once

pytestmark = pytest.mark.django_db

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=timezone.get_default_timezone())


@pytest.fixture
def ann() -> Identity:
    return people.create_identity(name="Ann", external_id="A1")


@pytest.fixture
def door() -> ApiKey:
    return kiosk()


def kiosk(direction: str = "auto", pause: int = 60, name: str = "Door") -> ApiKey:
    key, _ = keys.add_kiosk(name=name, place="Main entrance", direction=direction, pause_seconds=pause)
    return key


def see(ann: Identity, door: ApiKey, minutes: float, read: UUID | None = None) -> Attended:
    found = record(
        identity_id=ann.pk, key=door, at=MORNING + timedelta(minutes=minutes), read=read or uuid4()
    )
    assert found is not None
    return found


def listed() -> list[tuple[float, str]]:
    """Minutes after eight, and the kind."""
    rows = Attendance.objects.order_by("at")
    return [((row.at - MORNING).total_seconds() / 60, row.kind) for row in rows]


def test_in_and_out_by_turns(ann, door):
    for minutes in (0, 240, 285, 540):
        see(ann, door, minutes)
    assert listed() == [(0, "in"), (240, "out"), (285, "in"), (540, "out")]
    assert Attendance.objects.first().place == "Main entrance"


@pytest.mark.parametrize(
    "arrival", [(0, 240, 285, 540), (540, 285, 240, 0), (240, 540, 0, 285), (540, 0, 285, 240)]
)
def test_the_order_of_arrival_makes_no_difference(ann, door, arrival):
    for minutes in arrival:
        see(ann, door, minutes)
    assert listed() == [(0, "in"), (240, "out"), (285, "in"), (540, "out")]


def test_somebody_who_came_yesterday_and_was_not_seen_leaving_comes_in_again(ann, door):
    see(ann, door, 0)
    see(ann, door, 24 * 60)
    assert [kind for _, kind in listed()] == ["in", "in"]


def test_a_night_shift_is_one_stay(ann, door):
    see(ann, door, 14 * 60)  # ten in the evening
    see(ann, door, 22 * 60)
    assert [kind for _, kind in listed()] == ["in", "out"]


@pytest.mark.parametrize(("second", "count"), [(0.5, 1), (-0.5, 1), (0.99, 1), (1, 2), (-1, 2)])
def test_within_the_pause_a_person_counts_once(ann, door, second, count):
    first = see(ann, door, 0)
    again = see(ann, door, second)
    assert Attendance.objects.count() == count
    assert again.repeated == (count == 1)
    assert (again.row == first.row) == (count == 1)


def test_the_pause_is_the_kiosks_own(ann):
    patient = kiosk(pause=3600)
    see(ann, patient, 0)
    assert see(ann, patient, 59).repeated
    assert not see(ann, kiosk(pause=0, name="Quick"), 59).repeated


def test_another_person_counts(ann, door):
    see(ann, door, 0)
    assert not see(people.create_identity(name="Ben"), door, 0).repeated


def test_doors_of_one_way_say_what_it_is(ann):
    into, out = kiosk("in", name="In"), kiosk("out", name="Out")
    see(ann, into, 0)
    see(ann, into, 10)  # went out by a window
    see(ann, out, 10.2)  # at once: another kind, so it is no double read
    assert see(ann, out, 10.4).repeated
    assert listed() == [(0, "in"), (10, "in"), (10.2, "out")]


def test_what_a_door_stated_is_never_changed(ann, door):
    see(ann, kiosk("in", name="In"), 60)
    see(ann, door, 120)
    see(ann, door, 0)
    assert listed() == [(0, "in"), (60, "in"), (120, "out")]


def test_the_same_picture_sent_again_adds_nothing_even_without_a_pause(ann):
    quick, read = kiosk(pause=0), uuid4()
    see(ann, quick, 0, read)
    again = see(ann, quick, 0.1, read)
    assert again.repeated
    assert Attendance.objects.count() == 1
    assert not see(ann, kiosk(pause=0, name="Other"), 0.2, read).repeated  # numbers belong to a kiosk


def test_of_an_erased_person_nothing_is_recorded_or_left(ann, door):
    see(ann, door, 0)
    receipt = erasure.erase(ann)
    assert receipt["counts"]["attendance"] == 1
    assert record(identity_id=ann.pk, key=door, at=MORNING, read=uuid4()) is None
    assert not Attendance.objects.exists()


def test_merging_takes_the_attendance_along(ann, door):
    ben = people.create_identity(name="Ben")
    see(ben, door, 0)
    merging.merge(into=ann, other=ben)
    assert Attendance.objects.get().identity == ann


def test_what_is_older_goes(ann, door):
    see(ann, door, 0)
    see(ann, door, 60)
    assert drop_attendance(attendance_before(MORNING + timedelta(minutes=30))) == 1
    assert [minutes for minutes, _ in listed()] == [60]


@pytest.mark.django_db(transaction=True)
def test_two_kiosks_that_see_a_person_at_once_record_one(ann):
    doors = [kiosk(name="Left"), kiosk(name="Right")]
    at_once(*[lambda door=door: see(ann, door, 0) for door in doors for _ in range(3)])
    assert Attendance.objects.count() == 1
