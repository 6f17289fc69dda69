"""One's own copy: for the owner of the account, with more than a face, and not without end."""

from __future__ import annotations

import io
import json
import time
import zipfile

from django.test import Client
from django.urls import reverse

from tests.fakes import person_jpeg

URL = "/accounts/copy/"
PASSWORD = "a long enough secret"


def sign_in(client: Client, name: str = "user1") -> None:
    client.post(reverse("account_login"), {"login": name, "password": PASSWORD})
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})


def test_downloads_ones_own(client, enrol):
    enrol(1), enrol(2)
    sign_in(client)
    assert "Download" in client.get(URL).text
    answer = client.post(URL)
    assert 'filename="about-me.zip"' in answer["Content-Disposition"]
    assert "no-store" in answer["Cache-Control"]
    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    assert json.loads(archive.read("person.json"))["external_id"] == "F1"


def test_a_stranger_and_an_account_without_a_person(client, db, django_user_model):
    assert client.get(URL).status_code == 302
    django_user_model.objects.create_user("bare", password=PASSWORD)
    sign_in(client, "bare")
    assert client.post(URL).status_code == 404


def test_a_face_alone_does_not_open_it(client, enrol, look):
    enrol(1)
    look(person_jpeg(1, variant=5))
    for ask in (client.get, client.post):
        assert reverse("account_reauthenticate") in ask(URL)["Location"]


def test_a_screen_that_was_left_open_does_not_either(client, enrol, monkeypatch):
    enrol(1)
    client.post(reverse("account_login"), {"login": "user1", "password": PASSWORD})
    for ask in (client.get, client.post):
        assert reverse("account_reauthenticate") in ask(URL)["Location"]
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert client.get(URL).status_code == 200
    later = time.time() + 301
    monkeypatch.setattr("allauth.account.internal.flows.reauthentication.time.time", lambda: later)
    assert client.get(URL).status_code == 302


def test_not_without_end(client, enrol):
    enrol(1)
    sign_in(client)
    for _ in range(5):
        assert client.post(URL).getvalue().startswith(b"PK")
    assert client.post(URL).status_code == 429


def test_needs_the_forms_token(client, enrol):
    enrol(1)
    sign_in(client)
    client.handler.enforce_csrf_checks = True
    assert client.get(URL).status_code == 200
    assert client.post(URL).status_code == 403
