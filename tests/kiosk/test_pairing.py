"""A code of short life, used once, makes a tablet a kiosk whose key nobody else has."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from recognition.kiosk.device import COOKIE
from recognition.models import ApiKey
from recognition.services import keys
from tests.api.kiosks import Kiosk, error_of
from tests.kiosk.conftest import Tablet

pytestmark = pytest.mark.django_db


def test_a_kiosk_that_waits_has_no_key_that_could_be_used(door):
    assert door.digest == ""
    assert keys.authenticate("") is None
    assert Tablet().status().status_code == 401


@pytest.mark.parametrize("typed", [str, str.lower, lambda code: f" {code[:4]}-{code[4:]} "])
def test_the_code_can_be_typed_in_any_way(door, typed):
    tablet = Tablet()
    response = tablet.pair(typed(keys.open_pairing(door)))
    assert response.json()["name"] == "Door"
    assert response.json()["place"] == "Main entrance"
    assert tablet.status().json()["direction"] == "auto"
    assert keys.authenticate(tablet.key).paired_at is not None


def test_no_script_reads_the_key_and_no_other_page_sends_it(tablet, settings):
    cookie = tablet.client.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/kiosk/")
    assert tablet.key not in tablet.status().text
    settings.SESSION_COOKIE_SECURE = True
    assert tablet.status().cookies[COOKIE]["secure"]


def test_the_key_is_kept_nowhere(tablet):
    assert tablet.key not in str(ApiKey.objects.values().get())


def test_it_counts_once(door):
    code = keys.open_pairing(door)
    first, second = Tablet(), Tablet()
    assert first.pair(code).status_code == 200
    assert error_of(second.pair(code), 404)["code"] == "unknown_code"
    assert first.status().status_code == 200


def test_it_counts_for_a_while(door):
    code = keys.open_pairing(door)
    ApiKey.objects.update(pairing_expires_at=timezone.now() - timedelta(seconds=1))
    assert Tablet().pair(code).status_code == 404


def test_a_newer_code_replaces_it(door):
    code = keys.open_pairing(door)
    keys.open_pairing(door)
    assert Tablet().pair(code).status_code == 404


def test_another_tablet_takes_the_place_of_the_first(door, tablet):
    code = keys.open_pairing(door)
    assert tablet.status().status_code == 200  # goes on until the code is used
    other = Tablet()
    other.pair(code)
    assert (tablet.status().status_code, other.status().status_code) == (401, 200)


def test_a_revoked_kiosk_is_turned_away_and_cannot_be_paired(door, tablet):
    code = keys.open_pairing(door)
    keys.revoke_key(door)
    assert error_of(tablet.status(), 401)["code"] == "not_paired"
    assert Tablet().pair(code).status_code == 404


@pytest.mark.parametrize("code", ["", "A", "ABCD-2345", "x" * 41, "\x00", "ééé", None, 5])
def test_what_is_no_code(door, code):
    assert Tablet().pair(code).status_code in (400, 404)


def test_guessing_is_counted_by_address(door, settings):
    codes = {Tablet().pair(f"ABCD{n:04}").status_code for n in range(61)}
    assert codes == {404, 429}


def test_a_foreign_page_cannot_ask(tablet):
    client = Client()
    client.cookies = tablet.client.cookies
    assert client.get("/kiosk/status").status_code == 403
    assert client.post("/kiosk/read").status_code == 403
    assert client.delete("/kiosk/status").status_code == 403
    assert client.post("/kiosk/pair", {"code": "ABCD2345"}).status_code == 403


def test_the_tablet_gives_its_key_back(tablet):
    assert tablet.client.delete("/kiosk/status").status_code == 204
    assert tablet.status().status_code == 401


def test_its_key_opens_nothing_else(tablet):
    kiosk = Kiosk(tablet.key)
    assert error_of(kiosk.post("identify"), 403)["code"] == "wrong_scope"
    assert error_of(kiosk.get("people"), 403)["code"] == "wrong_scope"
    assert tablet.client.get("/api/v1/status").status_code == 401  # the cookie counts below /kiosk/ only


def test_a_cookie_of_another_kind_of_key_opens_nothing(db):
    tablet = Tablet()
    tablet.client.cookies[COOKIE] = keys.issue_key(name="Reader", scopes=["read"])[1]
    assert error_of(tablet.status(), 403)["code"] == "wrong_scope"
