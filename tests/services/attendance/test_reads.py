"""Pictures of kiosks: who is told what, and what is recorded."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from recognition.models import ApiKey, Attendance, Decision, ProbePicture
from recognition.services import keys
from recognition.services.attendance import OLDEST, Reading, read
from recognition.services.errors import Invalid
from recognition.services.recognition import Asker
from tests.fakes import person_jpeg, wall_jpeg

pytestmark = pytest.mark.django_db


@pytest.fixture
def door() -> ApiKey:
    return keys.add_kiosk(name="Door", place="Gate")[0]


def show(door: ApiKey, data: bytes, number: UUID | None = None, **age: float) -> Reading:
    return read(data, asker=Asker(api_key=door), read=number or uuid4(), age=timedelta(**age))


def told(reading: Reading) -> list[tuple[str, str | None, str | None, bool | None]]:
    return [
        (
            face["decision"],
            face["person"] and face["person"]["name"],
            face["attendance"] and face["attendance"]["kind"],
            face["attendance"] and face["attendance"]["repeated"],
        )
        for face in reading.as_dict()["faces"]
    ]


def test_everybody_on_the_picture_is_greeted_and_strangers_are_not_named(door, enrol):
    enrol(1), enrol(2)
    reading = show(door, person_jpeg(1, 9, 2, variant=5))
    assert sorted(told(reading)) == [
        ("match", "Fake Person 1", "in", False),
        ("match", "Fake Person 2", "in", False),
        ("no_match", None, None, None),
    ]
    assert sorted(Attendance.objects.values_list("identity__name", "kind", "place")) == [
        ("Fake Person 1", "in", "Gate"),
        ("Fake Person 2", "in", "Gate"),
    ]
    assert {row.decision.identity for row in Attendance.objects.all()} == {
        row.identity for row in Attendance.objects.all()
    }


def test_a_person_who_stays_is_told_since_when_and_recorded_once(door, enrol):
    enrol(1)
    first = show(door, person_jpeg(1, variant=5))
    again = show(door, person_jpeg(1, variant=6))
    assert [told(first)[0][3], told(again)[0][3]] == [False, True]
    assert again.as_dict()["faces"][0]["attendance"]["at"] == first.at
    assert Attendance.objects.count() == Decision.objects.count() == 1


def test_a_stranger_who_stays_is_one_decision_and_another_outcome_is_another(door):
    for _ in range(3):
        show(door, person_jpeg(9))
        show(door, person_jpeg(9, blurred=True))
    outcomes = Decision.objects.order_by("id").values_list("outcome", "reason", "api_key__name")
    assert list(outcomes) == [("no_match", "not_recognised", "Door"), ("rejected", "too_blurred", "Door")]
    Decision.objects.update(created_at=timezone.now() - timedelta(seconds=11))
    show(door, person_jpeg(9))
    assert Decision.objects.count() == 3


def test_a_decision_of_tomorrow_is_not_of_this_moment(door):
    """Written while the clock was wrong: the stranger of now is another one."""
    show(door, person_jpeg(9))
    Decision.objects.update(created_at=timezone.now() + timedelta(days=1))
    show(door, person_jpeg(9))
    assert Decision.objects.count() == 2


def test_two_kiosks_each_record_what_they_see(door):
    show(door, person_jpeg(9))
    show(keys.add_kiosk(name="Other")[0], person_jpeg(9))
    assert Decision.objects.count() == 2


def test_an_empty_picture_leaves_no_trace(door, settings):
    settings.KEEP_PROBES_DAYS = 1
    assert show(door, wall_jpeg()).as_dict()["reason"] == "no_face"
    assert not Decision.objects.exists()
    assert not ProbePicture.objects.exists()


def test_sent_again_it_is_answered_again_and_nothing_is_added(door, enrol, settings):
    settings.KEEP_PROBES_DAYS = 1
    door = keys.change_kiosk(door, pause_seconds=0)
    enrol(1)
    number = uuid4()
    data = person_jpeg(1, 9, variant=5)
    first = show(door, data, number, minutes=5)
    again = show(door, data, number, minutes=6)
    assert [face[:3] for face in told(again)] == [face[:3] for face in told(first)]
    assert (Attendance.objects.count(), Decision.objects.count(), ProbePicture.objects.count()) == (1, 2, 1)


def test_what_was_kept_counts_when_it_was_taken(door, enrol):
    enrol(1)
    for hours in (1, 9):  # the newer one first
        show(door, person_jpeg(1, variant=5), hours=hours)
    rows = Attendance.objects.order_by("at")
    assert [row.kind for row in rows] == ["in", "out"]
    ages = [round((timezone.now() - row.at).total_seconds() / 3600) for row in rows]
    assert ages == [9, 1]
    assert Decision.objects.count() == 2


@pytest.mark.parametrize("age", [timedelta(days=-1), timedelta(days=400)])
def test_no_time_to_come_and_none_long_ago(door, enrol, age):
    enrol(1)
    read(person_jpeg(1, variant=5), asker=Asker(api_key=door), read=uuid4(), age=age)
    second = timedelta(seconds=10)
    assert timezone.now() - OLDEST - second <= Attendance.objects.get().at <= timezone.now()


def test_bytes_that_are_no_picture(door):
    with pytest.raises(Invalid):
        show(door, b"hello")
    assert not Decision.objects.exists()
