"""POST /verify."""

from __future__ import annotations

import pytest

from recognition.models import Decision
from recognition.services.identities import people
from tests.accounts.conftest import Enrol
from tests.api.conftest import NewKiosk
from tests.api.kiosks import assert_guarded, error_of, in_base64, rows, upload
from tests.api.pictures import UNUSABLE
from tests.fakes import person_jpeg, wall_jpeg

PHOTO = person_jpeg(1, variant=7)


@pytest.mark.django_db
def test_who_may() -> None:
    assert_guarded("post", "verify", scopes=["verify"])


def test_a_person(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    identity = enrol(1, account=False)
    kiosk = new_kiosk("verify")
    for response in (
        kiosk.post("verify", image=upload(PHOTO), external_id="F1"),
        kiosk.post_json("verify", {"image": in_base64(PHOTO), "external_id": "F1"}),
    ):
        answer = response.json()
        assert answer["decision"] == "match"
        assert answer["score"] > answer["threshold"] == 0.5
        assert len(answer["faces"]) == 1
    decision = Decision.objects.first()
    assert decision is not None
    assert (decision.kind, decision.outcome, decision.identity) == ("verify", "match", identity)
    assert decision.api_key is not None


def test_the_picture_as_the_body(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    kiosk = new_kiosk("verify")
    answer = kiosk.send("post", "verify?external_id=F1", PHOTO, "image/jpeg").json()
    assert answer["decision"] == "match"
    assert error_of(kiosk.send("post", "verify", PHOTO, "image/jpeg"), 400)["code"] == "invalid_request"


def test_somebody_else(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    answer = new_kiosk("verify").post("verify", image=upload(person_jpeg(2)), external_id="F1").json()
    assert (answer["decision"], answer["reason"]) == ("no_match", "not_the_same")
    assert answer["score"] < answer["threshold"]


def test_two_pictures(new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("verify")
    same = kiosk.post("verify", image=upload(PHOTO), image2=upload(person_jpeg(1))).json()
    assert same["decision"] == "match"
    assert len(same["faces"]) == 2
    other = {"image": in_base64(PHOTO), "image2": in_base64(person_jpeg(2))}
    assert kiosk.post_json("verify", other).json()["decision"] == "no_match"
    assert Decision.objects.filter(kind="verify", api_key__isnull=False).count() == 2


def test_without_a_face(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    kiosk = new_kiosk("verify")
    for response in (
        kiosk.post("verify", image=upload(wall_jpeg()), external_id="F1"),
        kiosk.post("verify", image=upload(PHOTO), image2=upload(wall_jpeg())),
    ):
        answer = response.json()
        assert (answer["decision"], answer["reason"], answer["score"]) == ("rejected", "no_face", None)


@pytest.mark.parametrize("more", [{}, {"external_id": "F1", "image2": in_base64(PHOTO)}])
def test_needs_one_thing_to_compare_with(new_kiosk: NewKiosk, more: dict[str, str]) -> None:
    before = rows()
    error = error_of(new_kiosk("verify").post_json("verify", {"image": in_base64(PHOTO), **more}), 400)
    assert error["message"] == "Send either external_id or image2."
    assert rows() == before | {"Decision": 0}


def test_a_form_with_both_is_refused(new_kiosk: NewKiosk) -> None:
    pictures = {"image": upload(PHOTO), "image2": upload(PHOTO)}
    error = error_of(new_kiosk("verify").post("verify", **pictures, external_id="F1"), 400)
    assert error["message"] == "Send either external_id or image2."


def test_an_unknown_person(new_kiosk: NewKiosk) -> None:
    error = error_of(new_kiosk("verify").post("verify", image=upload(PHOTO), external_id="nobody"), 404)
    assert error["code"] == "unknown_person"
    assert Decision.objects.count() == 0


@pytest.mark.parametrize("external_id", ["a\x00b", "a/b", "x" * 121, " ", "", 5.5, ["F1"], "\ud800"])
def test_an_impossible_id(new_kiosk: NewKiosk, external_id: object) -> None:
    content = {"image": in_base64(PHOTO), "external_id": external_id}
    error = error_of(new_kiosk("verify").post_json("verify", content), 400)
    assert list(error["detail"]) == ["external_id"]


def test_a_person_without_photos(new_kiosk: NewKiosk) -> None:
    people.create_identity(name="Nora New", external_id="N1")
    error = error_of(new_kiosk("verify").post("verify", image=upload(PHOTO), external_id="N1"), 409)
    assert error["code"] == "not_enrolled"
    assert Decision.objects.count() == 0


def test_a_suspended_person(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    people.suspend(enrol(1, account=False))
    error = error_of(new_kiosk("verify").post("verify", image=upload(PHOTO), external_id="F1"), 409)
    assert error["code"] == "suspended"


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_pictures(enrol: Enrol, new_kiosk: NewKiosk, name: str) -> None:
    data, status, code = UNUSABLE[name]
    enrol(1, account=False)
    kiosk = new_kiosk("verify")
    before = rows()
    for response in (
        kiosk.post("verify", image=upload(data), external_id="F1"),
        kiosk.post("verify", image=upload(PHOTO), image2=upload(data)),
    ):
        assert error_of(response, status)["code"] == code
    assert rows() == before
