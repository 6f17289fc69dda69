"""POST /kiosk/read: what the app sends of everybody it sees."""

from __future__ import annotations

from uuid import uuid4

import pytest

from recognition.models import Attendance, AuditEntry
from recognition.services import keys
from tests.api.kiosks import error_of, upload
from tests.fakes import person_jpeg
from tests.kiosk.conftest import Tablet

pytestmark = pytest.mark.django_db


def read(tablet, data=None, **fields):
    picture = {"image": upload(data if data is not None else person_jpeg(1, variant=5))}
    return tablet.client.post("/kiosk/read", picture | {"read": str(uuid4())} | fields)


def test_whoever_is_known_is_greeted(tablet, door, enrol):
    enrol(1)
    answer = read(tablet).json()
    (face,) = answer["faces"]
    assert face["person"] == {"external_id": "F1", "name": "Fake Person 1"}
    assert face["attendance"] == {"kind": "in", "at": answer["at"], "repeated": False}
    assert Attendance.objects.get().api_key == door


def test_of_a_stranger_nothing_is_told(tablet, enrol):
    enrol(1)
    (face,) = read(tablet, person_jpeg(9)).json()["faces"]
    assert set(face) == {"box", "decision", "reason", "person", "attendance"}
    assert (face["decision"], face["person"], face["attendance"]) == ("no_match", None, None)


def test_the_place_is_noted_as_it_was_then(tablet, door, enrol):
    enrol(1)
    read(tablet)
    keys.change_kiosk(door, place="Elsewhere")
    assert Attendance.objects.get().place == "Main entrance"


@pytest.mark.parametrize(
    "fields",
    [{"read": "x"}, {"read": ""}, {"age_ms": "-1"}, {"age_ms": "1e99"}, {"who": "me"}, {"image": "text"}],
)
def test_malformed(tablet, fields):
    assert error_of(read(tablet, **fields), 400)["code"] == "invalid_request"


def test_a_picture_that_is_none(tablet):
    assert error_of(read(tablet, b"hello"), 422)["code"] == "unreadable"


def test_without_a_key(db):
    assert error_of(read(Tablet()), 401)["code"] == "not_paired"


def test_the_audit_log_names_the_tablet(tablet, door, enrol):
    enrol(1)
    read(tablet)
    entry = AuditEntry.objects.filter(action__startswith="probe").latest("id")
    assert (entry.key, entry.way) == (door.pk, "key")
