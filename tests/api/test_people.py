"""GET and POST /people."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from recognition.models import Identity
from recognition.services.identities import people
from tests.accounts.conftest import Enrol
from tests.api.conftest import NewKiosk
from tests.api.kiosks import assert_guarded, error_of, rows


@pytest.mark.django_db
def test_who_may() -> None:
    assert_guarded("get", "people", scopes=["read"])
    assert_guarded("post", "people", scopes=["enrol"])


def test_enrols_a_person(new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("enrol", "read")
    response = kiosk.post_json("people", {"name": "  Ada Example ", "external_id": "E 17/".strip("/")})
    assert response.status_code == 201
    assert response["Location"] == "/api/v1/people/E%2017"
    made = response.json()
    assert made | {"enrolled_at": "", "updated_at": ""} == {
        "external_id": "E 17",
        "name": "Ada Example",
        "status": "active",
        "photos": 0,
        "ready_photos": 0,
        "consent": None,
        "consent_withdrawn_at": None,
        "enrolled_at": "",
        "updated_at": "",
    }
    assert kiosk.get(response["Location"]).json() == made


def test_makes_up_an_id(new_kiosk: NewKiosk) -> None:
    made = new_kiosk("enrol").post("people", name="Ada Example").json()
    assert Identity.objects.get().external_id == made["external_id"]
    assert len(made["external_id"]) == 12


def test_an_empty_id_is_refused_in_every_form_of_body(new_kiosk: NewKiosk) -> None:
    """A form's empty field was once taken for one that is not there."""
    kiosk = new_kiosk("enrol", "read", "admin")
    kiosk.post_json("people", {"name": "Ada", "external_id": "E-1"})
    form = '--b\r\nContent-Disposition: form-data; name="external_id"\r\n\r\n\r\n--b--\r\n'
    for response in (
        kiosk.post("people", name="Bo", external_id=""),
        kiosk.post_json("people", {"name": "Bo", "external_id": ""}),
        kiosk.patch("people/E-1", {"external_id": ""}),
        kiosk.send("patch", "people/E-1", form, "multipart/form-data; boundary=b"),
    ):
        assert "may not be blank" in error_of(response, 400)["message"]
    assert list(Identity.objects.values_list("external_id", "name")) == [("E-1", "Ada")]


def test_a_taken_id(new_kiosk: NewKiosk) -> None:
    people.create_identity(name="Bo Sample", external_id="E17")
    error = error_of(new_kiosk("enrol").post_json("people", {"name": "Ada", "external_id": "E17"}), 409)
    assert error["code"] == "id_taken"
    assert Identity.objects.get().name == "Bo Sample"


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": ["Ada"]}, "name"),
        ({"name": "Ada", "external_id": "x" * 121}, "external_id"),
        ({"name": "Ada", "external_id": "a/b"}, "external_id"),
        ({"name": "Ada", "external_id": "a\x00b"}, "external_id"),
        ({"name": "Ada", "external_id": "a\nb"}, "external_id"),
        ({"name": "Ada", "external_id": ""}, "external_id"),
        ({"name": "Ada", "external_id": None}, "external_id"),
        ({"name": "Ada", "status": "suspended"}, "status"),
        ({"name": "Ada", "user_id": 1}, "user_id"),
        ([{"name": "Ada"}], "non_field_errors"),
    ],
)
def test_malformed(new_kiosk: NewKiosk, content: object, field: str) -> None:
    before = rows()
    error = error_of(new_kiosk("enrol").post_json("people", content), 400)
    assert error["code"] == "invalid_request"
    assert field in error["detail"]
    assert rows() == before


@pytest.mark.parametrize(
    "name", ["Zoë Ångström", "名前", "O'Neil; DROP TABLE--", "<b>", "🙂", "{{ 7 }}", "x" * 200]
)
def test_names_are_only_text(new_kiosk: NewKiosk, name: str) -> None:
    kiosk = new_kiosk("enrol", "read")
    made = kiosk.post_json("people", {"name": name}).json()
    assert made["name"] == name
    assert kiosk.get("people", search=name[:50]).json()["count"] == 1


def test_lists_by_name(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(2, account=False)
    people.create_identity(name="Ada Example", external_id="E1")
    found = new_kiosk("read").get("people").json()
    assert (found["count"], found["next"], found["previous"]) == (2, None, None)
    assert [(p["external_id"], p["photos"], p["ready_photos"]) for p in found["results"]] == [
        ("E1", 0, 0),
        ("F2", 2, 2),
    ]


def test_pages(new_kiosk: NewKiosk) -> None:
    for number in range(7):
        people.create_identity(name=f"Person {number}", external_id=f"E{number}")
    kiosk = new_kiosk("read")
    seen, address = [], "people?page_size=3&search=person"
    while address:
        page = kiosk.get(address).json()
        assert page["count"] == 7
        seen += [p["external_id"] for p in page["results"]]
        last, address = page, page["next"] and page["next"].removeprefix("http://testserver")
    assert seen == [f"E{number}" for number in range(7)]
    assert "page=2" in last["previous"]
    assert "search=person" in last["previous"]
    beyond = kiosk.get("people", page=1_000_000).json()
    assert (beyond["results"], beyond["next"]) == ([], None)


def test_searches_name_and_id(new_kiosk: NewKiosk) -> None:
    people.create_identity(name="Ada Example", external_id="E1")
    people.create_identity(name="Bo 100%", external_id="ada_2")
    people.create_identity(name="Cy", external_id="E3")
    kiosk = new_kiosk("read")

    def search(**query: str) -> list[str]:
        return [p["external_id"] for p in kiosk.get("people", **query).json()["results"]]

    assert search(search="ADA") == ["E1", "ada_2"]
    assert search(search="%") == ["ada_2"]
    assert search(search="_") == ["ada_2"]
    assert search(search="nobody") == []


def test_filters_by_status(new_kiosk: NewKiosk) -> None:
    people.create_identity(name="Ada", external_id="E1")
    people.suspend(people.create_identity(name="Bo", external_id="E2"))
    kiosk = new_kiosk("read")
    for status, wanted in (("active", "E1"), ("suspended", "E2")):
        (only,) = kiosk.get("people", status=status).json()["results"]
        assert (only["external_id"], only["status"]) == (wanted, status)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page", 0),
        ("page", -1),
        ("page", "abc"),
        ("page", 10**30),
        ("page_size", 0),
        ("page_size", 101),
        ("status", "gone"),
        ("search", "a\x00b"),
        ("search", "x" * 201),
        ("serach", "ada"),
        ("format", "xml"),
    ],
)
def test_malformed_queries(new_kiosk: NewKiosk, name: str, value: object) -> None:
    error = error_of(new_kiosk("read").get("people", **{name: value}), 400)
    assert list(error["detail"]) == [name]


def test_as_many_queries_for_many_people_as_for_one(
    enrol: Enrol, new_kiosk: NewKiosk, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    kiosk = new_kiosk("read")
    enrol(1, account=False)
    kiosk.get("people")
    for number in range(2, 8):
        with django_assert_num_queries(4):  # key, count, page, consents
            kiosk.get("people")
        enrol(number, account=False, photo_count=1)
