"""What the page that enrols many people asks the site."""

from __future__ import annotations

import json

import pytest

from recognition.models import Identity, Photo
from recognition.services import identities
from tests.admin.conftest import file
from tests.fakes import person_jpeg

PAGE = "/admin/recognition/identity/enrol_many/"
MANY = "/admin/recognition/identity/many/"
RIGHTS = ("view_identity", "add_identity", "add_photo")
NAMES = json.dumps(["all/Ann/1.jpg", "all/Ben/1.jpg", "all/top.jpg"])


def test_the_list_leads_to_the_page(owner, colleague):
    address = "/admin/recognition/identity/"
    assert "Enrol many" in owner.get(address).text
    assert "Enrol many" not in colleague.get(address).text
    assert owner.get(PAGE).status_code == 200


def test_a_preview(owner, ann):
    Identity.objects.filter(pk=ann.pk).update(external_id="Ann")
    found = owner.post(f"{MANY}plan/", {"names": NAMES}).json()
    assert [(one["name"], one["known"], one["photos"]) for one in found["people"]] == [
        ("Ann", True, ["all/Ann/1.jpg"]),
        ("Ben", False, ["all/Ben/1.jpg"]),
    ]
    assert found["unused"] == ["all/top.jpg"]


def test_a_table(owner):
    body = {
        "names": json.dumps(["1.jpg"]),
        "table": file(b"id;name;photo;consent\nP1;Ann;1.jpg;2026-05-04\n", "people.csv"),
    }
    (found,) = owner.post(f"{MANY}plan/", body).json()["people"]
    assert (found["external_id"], found["photos"]) == ("P1", ["1.jpg"])
    assert found["agreed_at"].startswith("2026-05-0")


@pytest.mark.parametrize("names", ["", "{", "{}", "[1]", "[]"])
def test_names_that_are_none(owner, names):
    answer = owner.post(f"{MANY}plan/", {"names": names})
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_a_person_and_a_photo(owner):
    body = {"external_id": "P1", "name": "Ann", "agreed_at": "now"}
    begun = owner.post(f"{MANY}person/", body).json()
    ann = Identity.objects.get(pk=begun["pk"])
    assert (ann.name, identities.consent_of(ann).taken_by) == ("Ann", "owner")
    answer = owner.post(
        begun["upload"], {"photos": file(person_jpeg(3))}, headers={"Accept": "application/json"}
    )
    (pk,) = answer.json()["pks"]
    assert owner.get(f"{MANY}state/?pks={pk},999999,x").json() == {
        str(pk): {"state": "waiting", "reason": ""}
    }
    Photo.objects.filter(pk=pk).update(state="rejected", reason="no_face")
    assert owner.get(f"{MANY}state/?pks={pk}").json()[str(pk)]["reason"].startswith("No face was found.")
    assert owner.post(f"{MANY}person/", body).json()["digests"] == [Photo.objects.get().sha256]


@pytest.mark.parametrize("said", ["2999-01-01T00:00:00+00:00", "2026-05-04", "2026-13-45T00:00:00Z", "yes"])
def test_a_time_of_consent_that_is_none(owner, said):
    answer = owner.post(f"{MANY}person/", {"external_id": "P1", "name": "Ann", "agreed_at": said})
    assert answer.status_code == 400
    assert not Identity.objects.exists()


def test_consent_is_recorded_by_who_may_record_it(staff):
    clerk = staff(*RIGHTS)
    body = {"external_id": "P1", "name": "Ann"}
    assert clerk.post(f"{MANY}person/", body | {"agreed_at": "now"}).status_code == 403
    assert clerk.post(f"{MANY}person/", body).status_code == 200
    assert "data-agreed" not in clerk.get(PAGE).text


@pytest.mark.parametrize("path", [PAGE, *(f"{MANY}{name}/" for name in ("plan", "person", "state"))])
def test_only_who_may_enrol_people_and_photos(staff, outsider, path):
    for rights in (("view_identity", "add_identity"), ("view_identity", "add_photo")):
        assert staff(*rights).get(path).status_code == 403
    assert outsider.get(path).status_code == 302


@pytest.mark.parametrize("path", ["plan/", "person/"])
def test_writing_is_by_post(owner, path):
    assert owner.get(MANY + path).status_code == 405
