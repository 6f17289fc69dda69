"""Which pages of other sites a browser lets call the API, and that the answer depends on nothing else."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client

from recognition.models import AuditEntry
from recognition.services import keys
from tests.fakes import person_jpeg

FRIEND, OTHER = "https://kiosk.example.org", "https://evil.example"
ALLOW = "Access-Control-Allow-Origin"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_friend(settings):
    settings.CORS_ALLOWED_ORIGINS = [FRIEND]


def preflight(path: str, origin: str, method: str = "POST", wanted: str = "authorization") -> HttpResponse:
    """What a browser asks before the request itself, without any credentials."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": wanted,
    }
    return Client().options(path, headers=headers)


@pytest.mark.parametrize(
    "path", ["identify", "verify", "people", "people/E-1/photos", "photos/1/image", "status"]
)
def test_a_friend_may_ask_without_a_key(path):
    answer = preflight(f"/api/v1/{path}", FRIEND)
    assert answer.status_code == 200
    assert answer[ALLOW] == FRIEND
    assert {"GET", "POST", "PATCH", "DELETE"} == set(answer["Access-Control-Allow-Methods"].split(", "))
    allowed = set(answer["Access-Control-Allow-Headers"].split(", "))
    assert {"authorization", "x-api-key", "content-type"} <= allowed
    assert "Origin" in answer["Vary"].title()
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "origin",
    [
        OTHER,
        "null",
        "http://kiosk.example.org",
        "https://kiosk.example.org:8443",
        "https://kiosk.example.org.evil.example",
        "https://a.kiosk.example.org",
        "https://kiosk.example.org@evil.example",
        "https://",
        "https://[",
        "file://",
    ],
)
def test_nobody_else_may(origin):
    for answer in (
        preflight("/api/v1/identify", origin),
        Client().get("/api/v1/status", headers={"Origin": origin}),
    ):
        assert ALLOW not in answer
        assert "Access-Control-Allow-Headers" not in answer


def test_without_origins_nobody_may(settings):
    settings.CORS_ALLOWED_ORIGINS = []
    assert ALLOW not in preflight("/api/v1/identify", FRIEND)


def test_a_friend_without_a_key_is_a_stranger_who_may_read_why():
    answer = Client().post("/api/v1/identify", headers={"Origin": FRIEND})
    assert answer.status_code == 401
    assert answer[ALLOW] == FRIEND
    assert "WWW-Authenticate" in answer["Access-Control-Expose-Headers"]


def test_a_friend_with_a_key_is_answered(enrol):
    _, key = keys.issue_key(name="Web kiosk", scopes=["identify"])
    headers = {"Origin": FRIEND, "Authorization": f"Bearer {key}"}
    body = person_jpeg(1)
    answer = Client().post("/api/v1/identify", body, content_type="image/jpeg", headers=headers)
    assert answer.status_code == 200
    assert answer[ALLOW] == FRIEND


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/people/E-1"])
def test_errors_can_be_read_too(path):
    assert Client().get(path, headers={"Origin": FRIEND})[ALLOW] == FRIEND


@pytest.mark.parametrize(
    "path", ["/", "/accounts/login/", "/kiosk/", "/kiosk/pair", "/kiosk/read", "/photos/1/image", "/admin/"]
)
def test_only_the_api_is_open_to_others(path):
    for answer in (preflight(path, FRIEND), Client().get(path, headers={"Origin": FRIEND})):
        assert ALLOW not in answer


def test_no_cookie_is_ever_asked_for():
    for answer in (
        preflight("/api/v1/status", FRIEND),
        Client().get("/api/v1/status", headers={"Origin": FRIEND}),
    ):
        assert "Access-Control-Allow-Credentials" not in answer


def test_a_question_of_a_browser_is_no_refusal():
    """It would fill the audit log and use up what strangers may ask."""
    before = AuditEntry.objects.count()
    for _ in range(70):
        assert preflight("/api/v1/identify", FRIEND).status_code == 200
    assert AuditEntry.objects.count() == before
