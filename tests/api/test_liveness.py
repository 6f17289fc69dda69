"""Challenges of kiosks, and what their tokens are good for."""

from __future__ import annotations

from typing import Any

import pytest

from recognition.engine.liveness.judging import FAILURES, Progress, State
from recognition.models import ApiKey, Decision, Photo
from recognition.services import keys
from recognition.services.liveness import challenges
from tests.api.kiosks import Kiosk, error_of, upload
from tests.fakes import person_jpeg, wall_jpeg


@pytest.fixture(autouse=True)
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Progress]:
    """What the judge says: passed, unless the test has another word."""
    said = [Progress(state=State.PASSED, best=0)]
    monkeypatch.setattr(challenges, "judge", lambda *_, **__: said[-1])
    return said


@pytest.fixture
def kiosk(db: None) -> Kiosk:
    return kiosk_that_must_see("challenge")


def kiosk_that_must_see(liveness: str, *scopes: str) -> Kiosk:
    key = keys.issue_key(name="Door", scopes=scopes or ("identify", "verify", "enrol"), liveness=liveness)[1]
    return Kiosk(key)


def send(kiosk: Kiosk, challenge: dict[str, Any], *pictures: bytes, **fields: Any) -> Any:
    sent = {
        "nonce": challenge["nonce"],
        "at": [1000 + 125 * n for n in range(len(pictures))],
        "frame": [upload(data) for data in pictures],
    }
    return kiosk.post(f"liveness/sessions/{challenge['id']}/frames", **(sent | fields))


def token_of(kiosk: Kiosk, picture: bytes) -> str:
    challenge = kiosk.post_json("liveness/sessions", {}).json()
    return str(send(kiosk, challenge, picture).json()["token"])


def test_identify_by_token(kiosk, enrol):
    enrol(1)
    token = token_of(kiosk, person_jpeg(1, variant=4))
    (face,) = kiosk.post_json("identify", {"liveness_token": token}).json()["faces"]
    assert (face["decision"], face["candidates"][0]["external_id"]) == ("match", "F1")
    decision = Decision.objects.get()
    assert decision.liveness["state"] == "passed"
    assert decision.api_key.name == "Door"


def test_a_picture_is_not_enough_where_a_challenge_is_demanded(kiosk, enrol):
    enrol(1)
    for answer in (
        kiosk.post("identify", image=upload(person_jpeg(1))),
        kiosk.post("verify", image=upload(person_jpeg(1)), external_id="F1"),
        kiosk.post("people/F1/photos", image=upload(person_jpeg(1, variant=9))),
        kiosk.send("post", "identify", person_jpeg(1), "image/jpeg"),
    ):
        assert error_of(answer, 409)["code"] == "liveness_required"
    assert not Decision.objects.exists()
    assert Photo.objects.count() == 2


def test_token_and_picture_together_are_refused(kiosk, enrol):
    token = token_of(kiosk, person_jpeg(1))
    answer = kiosk.post("identify", image=upload(person_jpeg(2)), liveness_token=token)
    assert "either image or liveness_token" in error_of(answer, 400)["message"]


def test_verify_by_token(kiosk, enrol):
    enrol(1)
    token = token_of(kiosk, person_jpeg(1, variant=4))
    answer = kiosk.post_json("verify", {"liveness_token": token, "external_id": "F1"}).json()
    assert answer["decision"] == "match"


def test_a_live_face_against_a_picture_of_a_document(kiosk, enrol):
    enrol(1)
    token = token_of(kiosk, person_jpeg(1, variant=4))
    answer = kiosk.post("verify", liveness_token=token, image2=upload(person_jpeg(1))).json()
    assert answer["decision"] == "match"


def test_enrolment_by_token(kiosk, enrol):
    enrol(1)
    token = token_of(kiosk, person_jpeg(1, variant=9))
    assert len(kiosk.post_json("people/F1/photos", {"liveness_token": token}).json()["photos"]) == 1
    assert Photo.objects.count() == 3


def test_a_token_works_once_and_for_its_kiosk(kiosk, enrol):
    enrol(1)
    token = token_of(kiosk, person_jpeg(1))
    other = kiosk_that_must_see("challenge")
    assert error_of(other.post_json("identify", {"liveness_token": token}), 409)["code"] == "liveness_token"
    token = token_of(kiosk, person_jpeg(1))
    assert kiosk.post_json("identify", {"liveness_token": token}).status_code == 200
    assert error_of(kiosk.post_json("identify", {"liveness_token": token}), 409)["code"] == "liveness_token"


def test_one_that_fails(kiosk, judged):
    judged.append(Progress(state=State.FAILED, reason="flat"))
    challenge = kiosk.post_json("liveness/sessions", {}).json()
    answer = send(kiosk, challenge, person_jpeg(1)).json()
    assert (answer["state"], answer["reason"], answer["message"]) == ("failed", "flat", FAILURES["flat"])
    assert "token" not in answer
    assert Decision.objects.get().reason == "not_live"
    assert error_of(send(kiosk, challenge, person_jpeg(1)), 404)["code"] == "no_challenge"


def test_one_that_goes_on(kiosk, judged):
    judged.append(Progress())
    challenge = kiosk.post_json("liveness/sessions", {}).json()
    answer = send(kiosk, challenge, person_jpeg(1), person_jpeg(1, variant=1)).json()
    assert answer["state"] == "running"
    again = send(kiosk, challenge | {"nonce": answer["nonce"]}, person_jpeg(1), at=[9000])
    assert again.status_code == 200
    assert error_of(send(kiosk, challenge, person_jpeg(1)), 409 if judged[-1].state == "running" else 404)


def test_colours_are_asked_for(kiosk):
    assert kiosk.post_json("liveness/sessions", {}).json()["colours"] == []
    assert kiosk.post_json("liveness/sessions", {"light": True}).json()["colours"] != []


@pytest.mark.parametrize("fields", [{"at": [1, 2]}, {"shown": [1, 2]}])
def test_as_many_of_each(kiosk, fields):
    challenge = kiosk.post_json("liveness/sessions", {}).json()
    assert error_of(send(kiosk, challenge, person_jpeg(1), **fields), 422)["code"] == "unequal"


@pytest.mark.parametrize(
    "fields", [{"at": ["x"]}, {"at": [-1]}, {"shown": [-2]}, {"nonce": ""}, {"frame": "text"}]
)
def test_malformed_frames(kiosk, fields):
    challenge = kiosk.post_json("liveness/sessions", {}).json()
    assert error_of(send(kiosk, challenge, person_jpeg(1), **fields), 400)


def test_what_is_no_picture(kiosk):
    challenge = kiosk.post_json("liveness/sessions", {}).json()
    assert error_of(send(kiosk, challenge, b"no picture"), 422)["code"] == "unreadable"


def test_another_kiosk_cannot_go_on_with_it(kiosk):
    challenge = kiosk.post_json("liveness/sessions", {}).json()
    assert (
        error_of(send(kiosk_that_must_see("off"), challenge, person_jpeg(1)), 404)["code"] == "no_challenge"
    )


@pytest.mark.parametrize("scope", ["read"])
def test_scopes(db, scope):
    assert error_of(kiosk_that_must_see("off", scope).post_json("liveness/sessions", {}), 403)


def test_passive_refuses_signs_of_a_print(db, enrol, monkeypatch):
    enrol(1)
    kiosk = kiosk_that_must_see(ApiKey.Liveness.PASSIVE)
    monkeypatch.setattr("recognition.services.liveness.modes.shown_by", lambda signs: "border")
    assert error_of(kiosk.post("identify", image=upload(person_jpeg(1))), 422)["code"] == "not_live"
    monkeypatch.setattr("recognition.services.liveness.modes.shown_by", lambda signs: "")
    answer = kiosk.post("identify", image=upload(person_jpeg(1))).json()
    assert answer["faces"][0]["decision"] == "match"


def test_passive_and_nobody_there(db):
    answer = kiosk_that_must_see("passive").post("identify", image=upload(wall_jpeg())).json()
    assert answer["faces"] == []
