"""GET, PATCH and DELETE /people/{external_id}, suspend and resume."""

from __future__ import annotations

import pytest

from recognition.models import Decision, Identity
from tests.accounts.conftest import Enrol
from tests.api.conftest import NewKiosk
from tests.api.kiosks import assert_guarded, error_of, rows, upload
from tests.fakes import person_jpeg


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("get", "people/F1", "read"),
        ("delete", "people/F1", "admin"),
        ("post", "people/F1/suspend", "admin"),
        ("post", "people/F1/resume", "admin"),
    ],
)
def test_who_may(method: str, path: str, scope: str) -> None:
    assert_guarded(method, path, scopes=[scope])


def test_who_may_change(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    kiosk = new_kiosk("identify", "verify", "enrol", "read")
    assert error_of(kiosk.patch("people/F1", {"name": "Eve"}), 403)["detail"]["needed"] == ["admin"]
    assert Identity.objects.get().name == "Fake Person 1"


def test_reads(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    found = new_kiosk("read").get("people/F1").json()
    assert (found["name"], found["status"], found["photos"]) == ("Fake Person 1", "active", 2)


def test_changes_what_is_sent(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    kiosk = new_kiosk("admin")
    assert kiosk.patch("people/F1", {"name": "Ada Example"}).json()["name"] == "Ada Example"
    changed = kiosk.patch("people/F1", {"external_id": "E17"}).json()
    assert (changed["external_id"], changed["name"], changed["photos"]) == ("E17", "Ada Example", 2)
    error_of(kiosk.get("people/F1"), 404)
    assert kiosk.patch("people/E17", {}).json()["name"] == "Ada Example"


def test_changes_to_a_taken_id(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    enrol(2, account=False)
    error = error_of(new_kiosk("admin").patch("people/F1", {"external_id": "F2"}), 409)
    assert error["code"] == "id_taken"
    assert Identity.objects.filter(external_id="F1").exists()


@pytest.mark.parametrize(
    "content",
    [
        {"name": ""},
        {"name": None},
        {"name": "x" * 201},
        {"external_id": "a/b"},
        {"status": "active"},
        {"nmae": "a"},
        [],
    ],
)
def test_malformed_changes(enrol: Enrol, new_kiosk: NewKiosk, content: object) -> None:
    enrol(1, account=False)
    assert error_of(new_kiosk("admin").patch("people/F1", content), 400)["code"] == "invalid_request"
    assert Identity.objects.get().name == "Fake Person 1"


def test_erases_everything(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    kiosk = new_kiosk("admin")
    kiosk.post("identify", image=upload(person_jpeg(1, variant=7)))
    assert Decision.objects.get().candidates
    response = kiosk.delete("people/F1")
    assert (response.status_code, response.content) == (204, b"")
    left = rows()
    assert {name: left[name] for name in ("Identity", "Photo", "Embedding", "StoredFile")} == dict.fromkeys(
        ("Identity", "Photo", "Embedding", "StoredFile"), 0
    )
    assert Decision.objects.get().candidates == []
    error_of(kiosk.delete("people/F1"), 404)


def test_suspends_and_resumes(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    kiosk = new_kiosk("admin")
    image = person_jpeg(1, variant=7)

    def decision() -> str:
        answer: str = kiosk.post("identify", image=upload(image)).json()["faces"][0]["decision"]
        return answer

    for _ in range(2):  # twice is as good as once
        assert kiosk.post("people/F1/suspend").json()["status"] == "suspended"
    assert decision() == "no_match"
    for _ in range(2):
        assert kiosk.post("people/F1/resume").json()["status"] == "active"
    assert decision() == "match"


@pytest.mark.parametrize(
    "external_id", ["nobody", "F1%00", "%00", "F1%2Fx", "%FF%FE", "..%2F..", "x" * 500, "f1", "'--"]
)
def test_unknown_people(enrol: Enrol, new_kiosk: NewKiosk, external_id: str) -> None:
    enrol(1, account=False)
    kiosk = new_kiosk("admin")
    before = rows()
    for response in (
        kiosk.get(f"people/{external_id}"),
        kiosk.patch(f"people/{external_id}", {"name": "Eve"}),
        kiosk.delete(f"people/{external_id}"),
        kiosk.post(f"people/{external_id}/suspend"),
        kiosk.post(f"people/{external_id}/resume"),
    ):
        assert error_of(response, 404)["code"] in ("unknown_person", "not_found")
    assert rows() == before


@pytest.mark.parametrize(
    "external_id", ["E 17", "Ä/".strip("/"), "a%b", "a?b", "a#b", "a;b", "a+b", "100%25", ".x"]
)
def test_ids_with_odd_characters(new_kiosk: NewKiosk, external_id: str) -> None:
    kiosk = new_kiosk("admin")
    response = kiosk.post_json("people", {"name": "Ada", "external_id": external_id})
    assert kiosk.get(response["Location"]).json()["external_id"] == external_id


@pytest.mark.parametrize("external_id", [".", "..", "a/b"])
def test_ids_that_no_address_could_hold(new_kiosk: NewKiosk, external_id: str) -> None:
    """Clients take the dots out of an address, so the person could be neither read nor erased."""
    response = new_kiosk("admin").post_json("people", {"name": "Ada", "external_id": external_id})
    assert "not only dots" in str(error_of(response, 400)["detail"])
