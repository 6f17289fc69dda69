"""Who gets in at all."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from recognition.models import ApiKey
from recognition.services import keys
from tests.api.kiosks import Kiosk, error_of


@pytest.fixture
def key(db: None) -> str:
    return keys.issue_key(name="Door", scopes=["identify"])[1]


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("Authorization", "Bearer {}"),
        ("Authorization", "bearer   {} "),
        ("X-API-Key", "{}"),
        ("X-API-Key", " {} "),
    ],
)
def test_ways_to_show_the_key(key: str, header: str, form: str) -> None:
    response = Client().get("/api/v1/status", headers={header: form.format(key)})
    assert response.json()["kiosk"] == "Door"


@pytest.mark.parametrize(
    "form",
    ["Basic {}", "{}", "Bearer", "Bearer {}x", "Bearer x{}", "Bearer {0} {0}", "Token {}", "Bearer \xff\x00"],
)
def test_other_headers(key: str, form: str) -> None:
    kiosk = Kiosk()
    kiosk.headers = {"Authorization": form.format(key)}
    response = kiosk.get("status")
    error_of(response, 401)
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_no_key(db: None) -> None:
    response = Kiosk().get("status")
    assert error_of(response, 401)["code"] == "no_key"
    assert response["WWW-Authenticate"] == 'Bearer realm="identity"'


def test_not_in_the_address(key: str) -> None:
    assert Client().get(f"/api/v1/status?key={key}&api_key={key}").status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        lambda k: k[:-1] + ("A" if k[-1] != "A" else "B"),
        lambda k: k.upper(),
        lambda k: "fid_" + "0" * 8 + k[12:],
    ],
)
def test_an_almost_right_key(key: str, change: object) -> None:
    assert error_of(Kiosk(change(key)).get("status"), 401)["code"] == "invalid_key"  # type: ignore[operator]


def test_a_revoked_key(key: str) -> None:
    kiosk = Kiosk(key)
    assert kiosk.get("status").status_code == 200
    keys.revoke_key(ApiKey.objects.get())
    assert error_of(kiosk.get("status"), 401)["code"] == "invalid_key"


def test_a_signed_in_administrator_is_a_stranger(client: Client, admin_user: User) -> None:
    client.force_login(admin_user)
    for method in (client.get, client.post):
        assert error_of(method("/api/v1/people"), 401)["code"] == "no_key"


def test_the_last_use_is_noted(key: str) -> None:
    Kiosk(key).get("status")
    assert ApiKey.objects.get().last_used_at is not None


def test_the_key_is_nowhere_in_the_database(key: str) -> None:
    row = ApiKey.objects.values().get()
    assert key not in str(row)
    assert key.split("_", 2)[2] not in str(row)
