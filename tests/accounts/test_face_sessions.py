"""A session opened by face ends when a face may not open the account any more."""

from __future__ import annotations

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from recognition.models import Identity
from recognition.services.identities import erasure, people
from tests.fakes import person_jpeg

PROFILE = "/accounts/profile/"
LOGIN = "/accounts/login/"
SECRET = "a long enough secret"


@pytest.fixture
def identity(client, enrol, look) -> Identity:
    """Somebody who has just signed in by face."""
    identity = enrol(6)
    look(person_jpeg(6))
    assert client.get(PROFILE).status_code == 200
    return identity


def ended(client) -> bool:
    asks = client.get(PROFILE).headers.get("Location", "").startswith(LOGIN)
    assert asks == (SESSION_KEY not in client.session)
    return asks


@pytest.mark.parametrize("rights", [{"is_staff": True}, {"is_staff": True, "is_superuser": True}])
def test_it_never_becomes_a_session_of_staff(client, identity, rights):
    User.objects.filter(pk=identity.user_id).update(**rights)
    assert client.get("/admin/", follow=True).request["PATH_INFO"] == LOGIN
    assert SESSION_KEY not in client.session


def test_a_suspended_person_is_out(client, identity):
    photo = f"/photos/{identity.photos.first().pk}/image"
    assert client.get(photo).status_code == 200
    people.suspend(identity)
    assert client.get(photo).status_code == 404
    assert ended(client)


@pytest.mark.parametrize("how", ["unlinked", "erased"])
def test_an_account_without_a_person_is_out(client, identity, how):
    erasure.erase(identity) if how == "erased" else people.update_identity(identity, user_id=None)
    assert ended(client)


def test_switching_face_login_off_ends_it(client, identity, settings):
    settings.FACE_LOGIN_ENABLED = False
    assert ended(client)


def test_the_request_goes_on_as_a_stranger_s(client, identity):
    people.suspend(identity)
    response = client.get("/")
    assert response.status_code == 200
    assert "Sign in" in response.text


def test_a_password_given_since_keeps_it(client, identity, settings):
    client.post("/accounts/reauthenticate/", {"password": SECRET})
    people.suspend(identity)
    settings.FACE_LOGIN_ENABLED = False
    assert not ended(client)


def queries(client, page: str) -> int:
    client.get(page)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        client.get(page)
    return len(seen)


def test_what_it_costs(client, identity, settings):
    """Three small queries for a session of a face, none for that of a password."""
    by_face = queries(client, "/")
    client.post("/accounts/logout/")
    client.post(LOGIN, {"login": "user6", "password": SECRET})
    by_password = queries(client, "/")
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "FaceSession" not in name]
    client.handler.load_middleware()
    without = queries(client, "/")
    assert (by_face, by_password) == (without + 3, without)
