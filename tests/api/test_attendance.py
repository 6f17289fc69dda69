"""POST /attendance."""

from __future__ import annotations

from uuid import uuid4

import pytest

from recognition.models import Attendance
from tests.api.conftest import NewKiosk
from tests.api.kiosks import Kiosk, assert_guarded, error_of, in_base64, upload
from tests.fakes import person_jpeg, wall_jpeg


@pytest.mark.django_db
def test_who_may() -> None:
    assert_guarded("post", "attendance", scopes=["attendance"])


@pytest.fixture
def door(new_kiosk: NewKiosk, enrol: object) -> Kiosk:
    enrol(1)  # type: ignore[operator]
    return new_kiosk("attendance")


@pytest.mark.parametrize("way", ["form", "json"])
def test_two_ways_to_send_a_picture(door: Kiosk, way: str) -> None:
    data, number = person_jpeg(1, variant=5), str(uuid4())
    if way == "form":
        response = door.post("attendance", image=upload(data), read=number)
    else:
        response = door.post_json("attendance", {"image": in_base64(data), "read": number, "age_ms": 5})
    answer = response.json()
    assert answer["read"] == number
    assert answer["faces"][0]["person"]["name"] == "Fake Person 1"
    assert answer["faces"][0]["attendance"]["kind"] == "in"
    assert str(Attendance.objects.get().read) == number


def test_nobody_is_an_ordinary_answer(door: Kiosk) -> None:
    answer = door.post("attendance", image=upload(wall_jpeg()), read=str(uuid4())).json()
    assert (answer["faces"], answer["reason"]) == ([], "no_face")


def test_sent_twice_it_counts_once(door: Kiosk) -> None:
    number = str(uuid4())
    told = [
        door.post("attendance", image=upload(person_jpeg(1, variant=5)), read=number).json()["faces"][0]
        for _ in range(2)
    ]
    assert [face["attendance"]["repeated"] for face in told] == [False, True]
    assert Attendance.objects.count() == 1


@pytest.mark.parametrize("fields", [{}, {"read": "7"}, {"read": str(uuid4()), "age_ms": "x"}])
def test_malformed(door: Kiosk, fields: dict[str, str]) -> None:
    response = door.post("attendance", image=upload(person_jpeg(1)), **fields)
    assert error_of(response, 400)["code"] == "invalid_request"
    assert not Attendance.objects.exists()
