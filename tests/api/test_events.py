"""GET /events."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from recognition.models import Decision
from recognition.services.identities import erasure, people
from tests.accounts.conftest import Enrol
from tests.api.conftest import NewKiosk
from tests.api.kiosks import Kiosk, assert_guarded, error_of, upload
from tests.fakes import person_jpeg, wall_jpeg


@pytest.mark.django_db
def test_who_may() -> None:
    assert_guarded("get", "events", scopes=["read"])


@pytest.fixture
def history(enrol: Enrol, new_kiosk: NewKiosk) -> Kiosk:
    """Events, oldest first: F1 identified, nobody identified, no face, F2 verified, F1 not verified."""
    enrol(1, account=False)
    enrol(2, account=False)
    kiosk = new_kiosk("admin")
    kiosk.post("identify", image=upload(person_jpeg(1, variant=7)))
    kiosk.post("identify", image=upload(person_jpeg(9)))
    kiosk.post("identify", image=upload(wall_jpeg()))
    kiosk.post("verify", image=upload(person_jpeg(2, variant=7)), external_id="F2")
    kiosk.post("verify", image=upload(person_jpeg(2, variant=7)), external_id="F1")
    return kiosk


def shown(kiosk: Kiosk, **query: object) -> list[tuple[str, str, str | None]]:
    events = kiosk.get("events", **query).json()["results"]
    return [(e["kind"], e["outcome"], e["person"] and e["person"]["external_id"]) for e in events]


ALL = [
    ("verify", "no_match", "F1"),
    ("verify", "match", "F2"),
    ("identify", "rejected", None),
    ("identify", "no_match", None),
    ("identify", "match", "F1"),
]


def test_newest_first(history: Kiosk) -> None:
    assert shown(history) == ALL
    newest = history.get("events").json()["results"][0]
    assert newest["kiosk"] == "Kiosk admin"
    assert newest["person"] == {"external_id": "F1", "name": "Fake Person 1"}
    assert newest["reason"] == "not_the_same"
    assert set(newest) == {
        "id", "at", "kind", "outcome", "reason", "probe", "person", "score", "margin", "kiosk", "camera",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"kind": "verify"}, ALL[:2]),
        ({"kind": "login"}, []),
        ({"outcome": "match"}, [ALL[1], ALL[4]]),
        ({"external_id": "F1"}, [ALL[0], ALL[4]]),
        ({"external_id": "F1", "kind": "identify", "outcome": "match"}, [ALL[4]]),
    ],
)
def test_filters(history: Kiosk, query: dict[str, str], wanted: list[object]) -> None:
    assert shown(history, **query) == wanted


def test_filters_by_time(history: Kiosk) -> None:
    now = timezone.now()
    for age, decision in enumerate(Decision.objects.order_by("-id")):
        Decision.objects.filter(pk=decision.pk).update(created_at=now - timedelta(hours=age))
    since, until = now - timedelta(hours=3), now - timedelta(hours=1)
    assert shown(history, since=since.isoformat(), until=until.isoformat()) == ALL[2:4]
    naive = since.replace(tzinfo=None).isoformat()
    assert shown(history, since=naive) == ALL[:4]


def test_pages_do_not_shift(history: Kiosk) -> None:
    page = history.get("events", page_size=2, external_id="F1").json()
    assert page["next"] is None
    seen, address = [], "events?page_size=2"
    while address:
        page = history.get(address).json()
        seen += page["results"]
        history.post("identify", image=upload(wall_jpeg()))
        address = page["next"] and page["next"].removeprefix("http://testserver")
    assert [(e["kind"], e["outcome"]) for e in seen] == [event[:2] for event in ALL]


def test_only_what_is_new(history: Kiosk) -> None:
    known = history.get("events").json()["results"][2]["id"]
    assert shown(history, after=known) == ALL[:2]
    assert shown(history, after=known, before=known + 2) == ALL[1:2]


def test_an_erased_person_is_not_named(history: Kiosk) -> None:
    erasure.erase(people.get_identity("F1"))
    assert [person for _, _, person in shown(history)] == [None, "F2", None, None, None]


def test_as_many_queries_for_many_events_as_for_one(
    history: Kiosk, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for size in (1, 2, 5):
        with django_assert_num_queries(2):  # key, page
            history.get("events", page_size=size)


def test_an_unknown_person(history: Kiosk) -> None:
    assert error_of(history.get("events", external_id="nobody"), 404)["code"] == "unknown_person"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "guess"),
        ("outcome", "maybe"),
        ("since", "yesterday"),
        ("since", "2026-02-30T00:00:00Z"),
        ("since", "0001-01-01T00:00:00+23:59"),
        ("until", "9999-12-31T23:59:59-23:59"),
        ("until", "99999-01-01T00:00:00Z"),
        ("before", "abc"),
        ("before", 0),
        ("before", 2**63),
        ("after", -1),
        ("page_size", 101),
        ("external_id", "a\x00"),
        ("cursor", "cD0x"),
    ],
)
def test_malformed_queries(new_kiosk: NewKiosk, name: str, value: object) -> None:
    assert list(error_of(new_kiosk("read").get("events", **{name: value}), 400)["detail"]) == [name]
