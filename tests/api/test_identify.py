"""POST /identify."""

from __future__ import annotations

import base64

import pytest
from pytest_django import DjangoAssertNumQueries

from recognition.models import ApiKey, Decision
from recognition.services.identities import erasure, people
from recognition.services.recognition import shadow
from tests.accounts.conftest import Enrol
from tests.api.conftest import NewKiosk
from tests.api.kiosks import assert_guarded, error_of, in_base64, rows, upload
from tests.api.pictures import UNUSABLE, USABLE
from tests.fakes import person_jpeg, wall_jpeg


@pytest.mark.django_db
def test_who_may() -> None:
    assert_guarded("post", "identify", scopes=["identify"])


def test_knows_an_enrolled_person(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    enrol(2, account=False)
    response = new_kiosk("identify").post("identify", image=upload(person_jpeg(1, variant=7)))
    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {"faces", "timings_ms"}
    (face,) = answer["faces"]
    assert face["decision"] == "match"
    assert face["reason"] == ""
    assert [c["external_id"] for c in face["candidates"]] == ["F1", "F2"]
    assert face["candidates"][0]["name"] == "Fake Person 1"
    assert face["candidates"][0]["score"] > 0.5 > face["candidates"][1]["score"]
    assert face["quality"]["reasons"] == []
    assert {"decode", "detect", "embed", "search"} <= set(answer["timings_ms"])


@pytest.mark.parametrize(
    "prefix", ["", "data:image/jpeg;base64,", "data:;base64,", "data:image/jpeg;name=a.jpg;base64,"]
)
def test_takes_base64(enrol: Enrol, new_kiosk: NewKiosk, prefix: str) -> None:
    enrol(1, account=False)
    text = in_base64(person_jpeg(1, variant=7))
    broken = "\r\n".join(text[i : i + 76] for i in range(0, len(text), 76))
    response = new_kiosk("identify").post_json("identify", {"image": prefix + broken})
    assert response.json()["faces"][0]["decision"] == "match"


@pytest.mark.parametrize("strip", ["", "="])
def test_takes_url_safe_base64_with_and_without_padding(
    enrol: Enrol, new_kiosk: NewKiosk, strip: str
) -> None:
    enrol(1, account=False)
    for quality in range(60, 95, 5):  # so that every length and letter comes up
        data = person_jpeg(1, variant=7, quality=quality)
        text = base64.urlsafe_b64encode(data).decode().rstrip(strip)
        response = new_kiosk("identify").post_json("identify", {"image": text})
        assert response.json()["faces"][0]["decision"] == "match"


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/anything", "application/octet-stream"])
def test_takes_the_picture_as_the_body(enrol: Enrol, new_kiosk: NewKiosk, content_type: str) -> None:
    enrol(1, account=False)
    enrol(2, account=False)
    kiosk = new_kiosk("identify")
    (face,) = kiosk.send("post", "identify?top=1", person_jpeg(1, variant=7), content_type).json()["faces"]
    assert [c["external_id"] for c in face["candidates"]] == ["F1"]
    for query, field in (("top=0", "top"), ("tap=1", "tap")):
        response = kiosk.send("post", f"identify?{query}", person_jpeg(1), content_type)
        assert list(error_of(response, 400)["detail"]) == [field]


@pytest.mark.parametrize("name", UNUSABLE)
def test_hostile_bodies(new_kiosk: NewKiosk, name: str) -> None:
    data, status, code = UNUSABLE[name]
    before = rows()
    kiosk = new_kiosk("identify")
    sent = kiosk.client.generic(
        "POST", "/api/v1/identify", data, "image/jpeg", headers=kiosk.headers, CONTENT_TYPE="image/jpeg"
    )
    assert error_of(sent, status)["code"] == code
    assert rows() == before


def test_a_stranger_is_nobody(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    (face,) = new_kiosk("identify").post("identify", image=upload(person_jpeg(9))).json()["faces"]
    assert (face["decision"], face["reason"]) == ("no_match", "not_recognised")


def test_several_faces(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    enrol(2, account=False)
    faces = new_kiosk("identify").post("identify", image=upload(person_jpeg(2, 9, 1))).json()["faces"]
    from_left = sorted(faces, key=lambda face: face["box"][0])
    assert [face["decision"] for face in from_left] == ["match", "no_match", "match"]
    assert [from_left[i]["candidates"][0]["external_id"] for i in (0, 2)] == ["F2", "F1"]


def test_top_bounds_the_candidates(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    for number in range(8):
        enrol(number, account=False, photo_count=1)
    kiosk, image = new_kiosk("identify"), person_jpeg(1, variant=7)
    for top in (1, 2, 7):
        (face,) = kiosk.post("identify", image=upload(image), top=top).json()["faces"]
        assert len(face["candidates"]) == top
        assert face["candidates"][0]["external_id"] == "F1"
    (face,) = kiosk.post_json("identify", {"image": in_base64(image)}).json()["faces"]
    assert len(face["candidates"]) == 5


@pytest.mark.parametrize("top", [0, -1, 21, 1000, "abc", "1e3", "9" * 30, "1\x00"])
def test_top_out_of_range(new_kiosk: NewKiosk, top: object) -> None:
    before = rows()
    kiosk = new_kiosk("identify")
    for response in (
        kiosk.post("identify", image=upload(person_jpeg(1)), top=top),
        kiosk.post_json("identify", {"image": in_base64(person_jpeg(1)), "top": top}),
    ):
        error = error_of(response, 400)
        assert error["code"] == "invalid_request"
        assert list(error["detail"]) == ["top"]
    assert rows() == before


def test_a_wall_has_no_faces(new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("identify")
    for variant in range(10):
        response = kiosk.post("identify", image=upload(wall_jpeg(variant)))
        assert response.status_code == 200
        assert response.json()["faces"] == []
    decided = list(Decision.objects.values_list("outcome", "reason", "identity"))
    assert decided == [("rejected", "no_face", None)] * 10


def test_a_turned_face_is_rejected(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    (face,) = (
        new_kiosk("identify").post("identify", image=upload(person_jpeg(1, turned=True))).json()["faces"]
    )
    assert (face["decision"], face["reason"], face["candidates"]) == ("rejected", "too_turned", [])


def test_an_empty_gallery(new_kiosk: NewKiosk) -> None:
    (face,) = new_kiosk("identify").post("identify", image=upload(person_jpeg(1))).json()["faces"]
    assert (face["decision"], face["candidates"]) == ("no_match", [])


def test_the_decision_names_the_kiosk(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    identity = enrol(1, account=False)
    new_kiosk("identify").post("identify", image=upload(person_jpeg(1, variant=7)))
    decision = Decision.objects.get()
    assert decision.kind == "identify"
    assert decision.identity == identity
    assert decision.api_key == ApiKey.objects.get()


def test_a_change_counts_at_once(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    kiosk, image = new_kiosk("identify"), person_jpeg(1, variant=7)

    def decision() -> str:
        answer: str = kiosk.post("identify", image=upload(image)).json()["faces"][0]["decision"]
        return answer

    assert decision() == "no_match"
    identity = enrol(1, account=False)
    assert decision() == "match"
    people.suspend(identity)
    assert decision() == "no_match"
    people.resume(identity)
    assert decision() == "match"
    erasure.erase(identity)
    assert decision() == "no_match"


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_pictures(new_kiosk: NewKiosk, name: str) -> None:
    data, status, code = UNUSABLE[name]
    kiosk = new_kiosk("identify")
    before = rows()
    error = error_of(kiosk.post("identify", image=upload(data)), status)
    assert error["code"] == code
    error = error_of(kiosk.post_json("identify", {"image": in_base64(data)}), status)
    assert error["code"] == code
    assert rows() == before


@pytest.mark.parametrize("name", USABLE)
def test_usable_pictures(new_kiosk: NewKiosk, name: str) -> None:
    image = upload(USABLE[name], "x.bin", "application/octet-stream")
    assert new_kiosk("identify").post("identify", image=image).status_code == 200


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({}, "non_field_errors"),
        ({"image": None}, "image"),
        ({"image": 5}, "image"),
        ({"image": ["a"]}, "image"),
        ({"image": {"a": "b"}}, "image"),
        ({"image": True}, "image"),
        ({"image": "aGVsbG8=", "tpo": 3}, "tpo"),
        ([], "non_field_errors"),
        ("text", "non_field_errors"),
        (None, "non_field_errors"),
        (17, "non_field_errors"),
    ],
)
def test_malformed_json_content(new_kiosk: NewKiosk, content: object, field: str) -> None:
    error = error_of(new_kiosk("identify").post_json("identify", content), 400)
    assert error["code"] == "invalid_request"
    assert field in error["detail"]


@pytest.mark.parametrize(
    "text",
    [
        "!!!!",
        "abcde",
        "aGVsbG8x9",
        "data:image/jpeg,abc",
        "data:image/jpeg;base64;abcd",
        "aGVs\x00bG8=",
        "ü" * 8,
        "a=b=",
    ],
)
def test_invalid_base64(new_kiosk: NewKiosk, text: str) -> None:
    before = rows()
    error = error_of(new_kiosk("identify").post_json("identify", {"image": text}), 400)
    assert error["code"] == "invalid_base64"
    assert rows() == before


def test_an_image_as_a_text_of_the_form(new_kiosk: NewKiosk) -> None:
    error = error_of(new_kiosk("identify").post("identify", image=in_base64(person_jpeg(1))), 400)
    assert error["message"] == "image: Send the picture as a file of the form."


def test_few_queries(
    enrol: Enrol,
    new_kiosk: NewKiosk,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Key, what is in force, people, decision; and the transaction of the last two."""
    monkeypatch.setattr(shadow, "ASKED_EVERY", 1e9)  # its query comes by the clock
    for number in range(6):
        enrol(number, account=False)
    kiosk = new_kiosk("identify")
    for _ in range(2):  # the first one makes the policy
        kiosk.post("identify", image=upload(person_jpeg(1, variant=7)))
    with django_assert_num_queries(6):
        kiosk.post("identify", image=upload(person_jpeg(1, variant=7)))
    with django_assert_num_queries(6):
        kiosk.post("identify", image=upload(person_jpeg(1, 2, 3, 4, variant=7)))
