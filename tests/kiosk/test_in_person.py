"""A kiosk at which people have to show that they are there in person."""

from __future__ import annotations

from uuid import uuid4

import pytest

from recognition.engine.liveness.judging import Progress, State
from recognition.models import ApiKey, Attendance, Decision
from recognition.services import keys
from recognition.services.liveness import challenges
from tests.api.kiosks import error_of, upload
from tests.fakes import person_jpeg
from tests.kiosk.conftest import Tablet

pytestmark = pytest.mark.django_db


@pytest.fixture
def door(db: None) -> ApiKey:
    return keys.add_kiosk(name="Door", liveness="challenge")[0]


@pytest.fixture(autouse=True)
def judged(monkeypatch) -> list[Progress]:
    said = [Progress(state=State.PASSED, best=0)]
    monkeypatch.setattr(challenges, "judge", lambda *_, **__: said[-1])
    return said


def start(tablet: Tablet) -> dict:
    answer = tablet.client.post("/kiosk/liveness/")
    assert answer.status_code == 201
    return answer.json()


def frames(tablet: Tablet, challenge: dict, data: bytes) -> object:
    sent = {"nonce": challenge["nonce"], "at": "1", "shown": "-1", "frame": upload(data)}
    return tablet.client.post(f"/kiosk/liveness/{challenge['id']}/", sent)


def token(tablet: Tablet, person: int = 1) -> str:
    return frames(tablet, start(tablet), person_jpeg(person, variant=3)).json()["token"]


def read(tablet: Tablet, token: str, number: object = None) -> object:
    return tablet.client.post("/kiosk/read", {"liveness_token": token, "read": str(number or uuid4())})


def test_the_app_is_told(tablet):
    assert tablet.status().json()["liveness"] == "challenge"


def test_who_passes_is_recorded(tablet, enrol):
    identity = enrol(1)
    (face,) = read(tablet, token(tablet)).json()["faces"]
    assert face["person"]["name"] == identity.name
    assert Attendance.objects.get().identity == identity
    assert Decision.objects.get().liveness["mode"] == "challenge"


def test_a_picture_records_nobody(tablet, enrol):
    enrol(1)
    sent = {"image": upload(person_jpeg(1, variant=3)), "read": str(uuid4())}
    assert error_of(tablet.client.post("/kiosk/read", sent), 409)["code"] == "liveness_required"
    assert not Attendance.objects.exists()


def test_the_same_read_may_be_sent_again_when_its_answer_got_lost(tablet, enrol):
    enrol(1)
    passed, number = token(tablet), uuid4()
    answers = [read(tablet, passed, number) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].json()["faces"][0]["attendance"]["repeated"]
    assert Attendance.objects.count() == Decision.objects.count() == 1


def test_another_read_with_the_same_token_is_refused(tablet, enrol):
    enrol(1)
    passed = token(tablet)
    assert read(tablet, passed).status_code == 200
    assert error_of(read(tablet, passed), 409)["code"] == "liveness_token"


def test_another_tablet_can_use_neither_challenge_nor_token(tablet, enrol):
    enrol(1)
    other = Tablet()
    other.pair(keys.open_pairing(keys.add_kiosk(name="Gate", liveness="challenge")[0]))
    assert error_of(frames(other, start(tablet), person_jpeg(1)), 404)["code"] == "no_challenge"
    assert error_of(read(other, token(tablet)), 409)["code"] == "liveness_token"


def test_who_fails_is_told_why(tablet, judged):
    judged.append(Progress(state=State.FAILED, reason="flat"))
    answer = frames(tablet, start(tablet), person_jpeg(1)).json()
    assert (answer["state"], answer["reason"]) == ("failed", "flat")
    assert "token" not in answer


@pytest.mark.parametrize(
    "path", ["/kiosk/liveness/", "/kiosk/liveness/00000000-0000-0000-0000-000000000001/"]
)
def test_only_from_a_paired_tablet(path, tablet):
    assert error_of(Tablet().client.post(path), 401)["code"] == "not_paired"
    del tablet.client.defaults["HTTP_X_KIOSK"]
    assert tablet.client.post(path).status_code == 403
