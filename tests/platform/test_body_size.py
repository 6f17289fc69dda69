"""Bodies that are too large are refused unread, in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client
from django.test.client import FakePayload

pytestmark = pytest.mark.django_db
MB = 2**20
FORM = "multipart/form-data; boundary=x"


class Unread(FakePayload):
    """Claims to be long, and fails when it is read."""

    def read(self, size: int | None = None) -> bytes:
        raise AssertionError("the body was read")


Send = Callable[..., HttpResponse]


@pytest.fixture
def send() -> Send:
    """Post a body of so many bytes, of which none is there."""

    def send(path: str, size: int | str, *, client: Client | None = None, **headers: str) -> HttpResponse:
        client = client or Client(enforce_csrf_checks=True)
        client.cookies["csrftoken"] = "a" * 32  # else the token in the body is not even looked for
        claims = {"CONTENT_LENGTH": str(size), "CONTENT_TYPE": FORM, "wsgi.input": Unread()}
        return client.post(path, **claims, **headers)

    return send


@pytest.fixture
def staff() -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(get_user_model().objects.create_user("clerk", is_staff=True))
    return client


@pytest.mark.parametrize(
    "path", ["/", "/accounts/face/", "/accounts/login/", "/admin/login/", "/admin/", "/nothing-here"]
)
def test_a_stranger_may_send_one_picture(send: Send, path: str) -> None:
    response = send(path, 16 * MB + 1)
    assert response.status_code == 413
    assert "Send one picture at most, of up to 15 MB." in response.content.decode()


def test_what_fits_is_read(send: Send) -> None:
    with pytest.raises(AssertionError, match="the body was read"):
        send("/accounts/login/", 16 * MB)


def test_scripts_are_told_in_json(send: Send) -> None:
    response = send("/accounts/face/", 17 * MB, HTTP_ACCEPT="application/json")
    assert response.status_code == 413
    assert response.json()["code"] == "too_large"
    assert "15 MB" in response.json()["message"]


def test_staff_may_send_many_pictures_in_the_admin_only(send: Send, staff: Client) -> None:
    page = "/admin/recognition/identity/add/"
    with pytest.raises(AssertionError, match="the body was read"):
        send(page, 751 * MB, client=staff)
    response = send(page, 751 * MB + 1, client=staff)
    assert response.status_code == 413
    assert "Send 50 pictures at most, of up to 15 MB each." in response.content.decode()
    assert send("/accounts/face/", 17 * MB, client=staff).status_code == 413


def test_others_who_are_signed_in_may_not(send: Send, staff: Client) -> None:
    get_user_model().objects.update(is_staff=False)
    assert send("/admin/recognition/identity/add/", 17 * MB, client=staff).status_code == 413


def test_the_api_answers_in_its_own_way(send: Send) -> None:
    assert send("/api/v1/identify", 900 * MB).json()["error"]["code"] == "no_key"
    assert send("/api/v1/nothing", 900 * MB).json()["error"]["code"] == "not_found"
    assert send("/api/v1/docs", 900 * MB).status_code == 302


@pytest.mark.parametrize("length", ["", "many", "-1"])
def test_a_body_of_no_length_is_none(length: str) -> None:
    claims = {"CONTENT_LENGTH": length, "CONTENT_TYPE": FORM}
    assert Client().post("/accounts/login/", {}, **claims).status_code in (200, 400)
