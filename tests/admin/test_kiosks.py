"""Tablets as kiosks: added, paired by a code that is shown once, changed, revoked."""

from __future__ import annotations

import re

import pytest

from recognition.models import ApiKey
from recognition.services import keys
from tests.admin.conftest import said
from tests.kiosk.conftest import Tablet

LIST = "/admin/recognition/apikey/"
ADD = f"{LIST}add_kiosk/"
FIELDS = {
    "name": "Front door",
    "place": "Main entrance",
    "direction": "in",
    "pause_seconds": "90",
    "liveness": "off",
}


def page_of(key: ApiKey, what: str) -> str:
    return f"{LIST}{key.pk}/{what}"


@pytest.fixture
def added(owner):
    return owner.post(ADD, FIELDS)


def code_in(response) -> str:
    return re.search(r"data-code>([A-Z2-9]{4}-[A-Z2-9]{4})<", response.text)[1]


def test_a_kiosk_is_added_and_its_code_pairs_a_tablet(added, owner):
    key = ApiKey.objects.get()
    assert (key.name, key.place, key.direction, key.pause_seconds) == (
        "Front door",
        "Main entrance",
        "in",
        90,
    )
    assert key.scopes == ["attendance"]
    assert key.created_by.username == "owner"
    assert "no-store" in added["Cache-Control"]
    assert "<svg" in added.text
    state = page_of(key, "pairing/")
    assert owner.get(state).json() == {"paired": False}
    tablet = Tablet()
    assert tablet.pair(code_in(added)).json()["name"] == "Front door"
    assert owner.get(state).json() == {"paired": True}


def test_the_code_is_shown_once_and_kept_nowhere(added, owner):
    key = ApiKey.objects.get()
    code = code_in(added).replace("-", "")
    for page in (LIST, page_of(key, "change/"), page_of(key, "history/"), page_of(key, "pair/")):
        text = owner.get(page).text
        assert code not in text
        assert key.pairing_digest not in text
    assert code not in str(ApiKey.objects.values().get())


def test_pairing_again_takes_another_code(added, owner):
    key = ApiKey.objects.get()
    first = Tablet()
    first.pair(code_in(added))
    again = owner.post(page_of(key, "pair/"))
    second = Tablet()
    assert second.pair(code_in(again)).status_code == 200
    assert (first.status().status_code, second.status().status_code) == (401, 200)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": ""}, "required"),
        ({"name": "x" * 121}, "at most 120"),
        ({"name": "   "}, "required"),
        ({"place": "x" * 121}, "at most 120"),
        ({"direction": "up"}, "not one of the available choices"),
        ({"pause_seconds": "-1"}, "greater than or equal to 0"),
        ({"pause_seconds": "90000"}, "less than or equal to 86400"),
        ({"name": "a\x00"}, "Null characters"),
    ],
)
def test_what_cannot_be_added(owner, fields, complaint):
    response = owner.post(ADD, FIELDS | fields)
    assert complaint in response.text
    assert not ApiKey.objects.exists()


def test_the_list_says_which_wait_for_their_tablet(added, owner):
    assert "waits for its tablet" in owner.get(LIST).text
    Tablet().pair(code_in(added))
    assert "waits for its tablet" not in owner.get(LIST).text


def test_place_direction_and_pause_can_be_changed_and_nothing_else(added, owner):
    key = ApiKey.objects.get()
    changed = {
        "place": "Back",
        "direction": "out",
        "pause_seconds": "5",
        "liveness": "passive",
        "name": "X",
        "scopes": ["admin"],
    }
    owner.post(page_of(key, "change/"), changed)
    after = ApiKey.objects.get()
    assert (after.place, after.direction, after.pause_seconds, after.liveness) == (
        "Back",
        "out",
        5,
        "passive",
    )
    assert (after.name, after.scopes) == ("Front door", ["attendance"])


def test_of_a_revoked_kiosk_nothing_is_changed_or_paired(added, owner):
    key = ApiKey.objects.get()
    keys.revoke_key(key)
    assert 'name="_save"' not in owner.get(page_of(key, "change/")).text
    owner.post(page_of(key, "change/"), FIELDS | {"place": "Back"})
    assert ApiKey.objects.get().place == "Main entrance"
    response = owner.post(page_of(key, "pair/"), follow=True)
    assert said(response)[-1] == "This key was revoked. Make another kiosk."


def test_an_ordinary_key_is_not_offered_to_tablets(owner):
    key, _ = keys.issue_key(name="Turnstile", scopes=["identify"])
    page = owner.get(page_of(key, "change/")).text
    assert "Pair a tablet" not in page
    assert "Pause in seconds" not in page


@pytest.mark.parametrize(
    "rights", [["add_apikey", "change_apikey", "view_apikey"], ["view_identity", "view_apikey"]]
)
def test_who_may_not(staff, rights):
    key, _ = keys.add_kiosk(name="Door")
    clerk = staff(*rights)
    assert clerk.post(ADD, FIELDS).status_code == 403
    assert clerk.post(page_of(key, "pair/")).status_code == 403
    assert ApiKey.objects.get().pairing_digest == key.pairing_digest or not key.pairing_digest
    assert ApiKey.objects.count() == 1


def test_strangers(outsider, client, db):
    key, _ = keys.add_kiosk(name="Door")
    for who in (outsider, client):
        for path in (ADD, page_of(key, "pair/"), page_of(key, "pairing/")):
            assert who.get(path).status_code in (302, 403)
    assert ApiKey.objects.count() == 1


def test_a_clerk_who_may_is_enough(staff):
    clerk = staff("add_apikey", "change_apikey", "view_apikey", "view_identity")
    assert code_in(clerk.post(ADD, FIELDS))
