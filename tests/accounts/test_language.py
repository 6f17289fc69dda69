"""The site speaks English and Vietnamese: by what the browser asks for, and by what somebody chose."""

from __future__ import annotations

import pytest
from django.core import mail

from accounts.models import User

VIETNAMESE = {"accept-language": "vi-VN,vi;q=0.9,en;q=0.5"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "lang", "said"),
    [({}, "en-gb", "Sign in with a look."), (VIETNAMESE, "vi", "Đăng nhập bằng ánh nhìn.")],
)
def test_as_the_browser_asks(client, asked, lang, said):
    page = client.get("/", headers=asked).text
    assert f'<html lang="{lang}">' in page
    assert said in page


def test_chosen_once_it_stays(client, db):
    answer = client.post("/language/", {"language": "vi", "next": "/accounts/login/"})
    assert (answer.status_code, answer.url) == (302, "/accounts/login/")
    assert answer.cookies["language"]["max-age"] > 10**7
    assert "Giữ đăng nhập trên thiết bị này" in client.get("/accounts/login/").text
    client.post("/language/", {"language": "en-gb", "next": "/"})
    assert "Sign in" in client.get("/", headers=VIETNAMESE).text


def test_leads_to_no_other_site(client, db):
    answer = client.post("/language/", {"language": "vi", "next": "https://evil.example/"})
    assert answer.url == "/"


def test_errors_of_forms(client, db):
    page = client.post("/accounts/login/", {"login": "ann", "password": "wrong"}, headers=VIETNAMESE)
    assert "Tên đăng nhập hoặc mật khẩu không đúng." in page.text


def test_face_login_says_why_not(client, db, settings):
    settings.LIVENESS = "off"
    answer = client.post("/accounts/face/", headers=VIETNAMESE | {"accept": "application/json"})
    assert answer.json()["message"] == "Hãy chọn một tấm ảnh."


def test_the_words_of_scripts(client, db):
    assert r"Quay \u0111\u1ea7u sang tr\u00e1i" in client.get("/words.js", headers=VIETNAMESE).text
    assert "gettext" in client.get("/words.js").text


@pytest.mark.parametrize(
    ("asked", "subject", "said"),
    [
        ({}, "A new password for your account", "Your user name is ada."),
        (VIETNAMESE, "Mật khẩu mới cho tài khoản của bạn", "Tên đăng nhập của bạn là ada."),
    ],
)
def test_mail_with_a_link_to_a_new_password(client, db, asked, subject, said):
    User.objects.create_user("ada", email="ada@example.org")
    client.post("/accounts/password/reset/", {"email": "ada@example.org"}, headers=asked)
    (message,) = mail.outbox
    assert message.subject == subject
    assert said in message.body
    assert "Thank you for using" not in message.body
    link = message.body.partition("http://testserver")[2].split()[0]
    page = client.get(link, follow=True, headers=asked)
    secret = "a longer secret than before"
    page = client.post(page.request["PATH_INFO"], {"password1": secret, "password2": secret}, follow=True)
    assert 'href="/accounts/login/"' in page.text.partition("<main")[2]


def test_the_admin_follows(client, db):
    client.force_login(User.objects.create_superuser("owner"))
    page = client.get("/admin/", headers=VIETNAMESE).text
    assert 'lang="vi"' in page
    assert 'action="/language/"' in page
