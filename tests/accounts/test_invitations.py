"""An account for somebody who is enrolled: one step, and a link by which the person chooses the password."""

from __future__ import annotations

import re

import pytest
from django.core import mail

from accounts import invitations
from accounts.models import User
from recognition.models import Identity
from recognition.services.identities import people

SECRET = "a long enough secret"


@pytest.fixture
def boss(client, db) -> User:
    user = User.objects.create_superuser("boss", password=SECRET)
    client.force_login(user)
    return user


@pytest.fixture
def an(db) -> Identity:
    return people.create_identity(name="Nguyễn Thị Đào")


def page(identity: Identity) -> str:
    return f"/admin/accounts/user/for/{identity.pk}/"


def choose_password(client, link: str) -> None:
    client.logout()
    form = client.get(link, follow=True)
    client.post(form.request["PATH_INFO"], {"password1": SECRET, "password2": SECRET})
    client.post("/accounts/login/", {"login": "nguyen.thi.dao", "password": SECRET})


def test_a_mail_brings_the_link(client, boss, an):
    assert 'value="nguyen.thi.dao"' in client.get(page(an)).text
    answer = client.post(page(an), {"username": "nguyen.thi.dao", "email": "dao@example.org"})
    assert answer.url == f"/admin/recognition/identity/{an.pk}/change/"
    an.refresh_from_db()
    assert (an.user.username, an.user.first_name, an.user.last_name) == (
        "nguyen.thi.dao",
        "Nguyễn",
        "Thị Đào",
    )
    assert not an.user.has_usable_password()
    (message,) = mail.outbox
    assert message.to == ["dao@example.org"]
    choose_password(client, re.search(r"http://testserver(\S+)", message.body)[1])
    assert client.session["_auth_user_id"] == str(an.user_id)


def test_without_an_address_the_link_is_shown(client, boss, an):
    answer = client.post(page(an), {"username": "nguyen.thi.dao"})
    assert mail.outbox == []
    choose_password(client, re.search(r'value="http://testserver([^"]+)"', answer.text)[1])
    assert client.session["_auth_user_id"] == str(Identity.objects.get().user_id)


def test_a_mail_that_cannot_be_sent_shows_the_link(client, boss, an, monkeypatch):
    def refused(*_, **__):
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.message.EmailMessage.send", refused)
    answer = client.post(page(an), {"username": "dao", "email": "dao@example.org"})
    assert "/accounts/password/reset/key/" in answer.text


def test_a_name_that_somebody_has(client, boss, an):
    answer = client.post(page(an), {"username": "boss"})
    assert answer.status_code == 200
    assert Identity.objects.get().user is None
    assert User.objects.count() == 1


def test_who_has_one_gets_no_second(client, boss, an):
    client.post(page(an), {"username": "dao"})
    assert client.post(page(an), {"username": "dao2"}).status_code == 404


def test_takes_the_rights_to_both(client, db, an):
    client.force_login(User.objects.create_user("colleague", is_staff=True))
    assert client.get(page(an)).status_code == 403
    assert client.post(page(an), {"username": "dao"}).status_code == 403


def test_free_names(db):
    User.objects.create_user("Ann")
    User.objects.create_user("ann2")
    assert invitations.free_username("Ann") == "ann3"
    assert invitations.free_username("李") == "person"


def test_the_button_is_on_the_page_of_who_has_none(client, boss, an):
    person = f"/admin/recognition/identity/{an.pk}/change/"
    assert page(an) in client.get(person).text
    client.post(page(an), {"username": "dao"})
    assert page(an) not in client.get(person).text
