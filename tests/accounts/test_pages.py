"""Home, password login, what a face alone may not do, and the error pages."""

from __future__ import annotations

import pytest
from django.contrib.auth import SESSION_KEY
from django.core.exceptions import SuspiciousOperation
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.fakes import person_jpeg

LOGIN = "/accounts/login/"
SECRET = "a long enough secret"


@pytest.fixture
def user(db) -> User:
    return User.objects.create_user("ada", email="ada@example.org", password=SECRET)


class TestHome:
    def test_a_visitor_finds_the_ways_in(self, client, db):
        page = client.get("/").text
        assert LOGIN in page
        assert "/accounts/face/" in page
        assert reverse("api:docs") in page
        assert "Sign out" not in page

    def test_a_member_finds_the_account_but_no_admin(self, client, user):
        client.force_login(user)
        page = client.get("/").text
        assert "/accounts/profile/" in page
        assert "Enrol and manage people" not in page

    def test_staff_find_the_admin(self, client, user):
        user.is_staff = True
        user.save()
        client.force_login(user)
        assert "Enrol and manage people" in client.get("/").text

    def test_says_whether_pictures_are_kept(self, client, db, settings):
        assert "not kept" in client.get("/").text
        settings.KEEP_PROBES_DAYS = 7
        page = client.get("/").text
        assert "kept for 7 days" in page
        assert "not kept" not in page


class TestPassword:
    @pytest.mark.parametrize("name", ["ada", "ada@example.org", "ADA@example.org"])
    def test_by_user_name_or_e_mail(self, client, user, name):
        response = client.post(LOGIN, {"login": name, "password": SECRET})
        assert response["Location"] == "/accounts/profile/"
        assert client.session[SESSION_KEY] == str(user.pk)

    def test_a_wrong_one(self, client, user):
        response = client.post(LOGIN, {"login": "ada", "password": "wrong"})
        assert response.status_code == 200
        assert 'role="alert"' in response.text
        assert SESSION_KEY not in client.session

    def test_guessing_is_stopped(self, client, user):
        for _ in range(5):
            client.post(LOGIN, {"login": "ada", "password": "wrong"})
        client.post(LOGIN, {"login": "ada", "password": SECRET})
        assert SESSION_KEY not in client.session

    def test_an_inactive_account(self, client, user):
        user.is_active = False
        user.save()
        client.post(LOGIN, {"login": "ada", "password": SECRET})
        assert SESSION_KEY not in client.session

    def test_signing_out_needs_a_post(self, client, user):
        client.force_login(user)
        assert client.get("/accounts/logout/").status_code == 200
        assert SESSION_KEY in client.session
        assert client.post("/accounts/logout/")["Location"] == "/"
        assert SESSION_KEY not in client.session

    def test_the_admin_uses_the_same_door(self, client, db):
        response = client.get("/admin/", follow=True)
        assert response.request["PATH_INFO"] == LOGIN

    def test_a_member_may_not_open_the_admin(self, client, user):
        client.force_login(user)
        assert client.get("/admin/", follow=True).status_code == 403


class TestSignUp:
    FORM = {"username": "eve", "email": "eve@example.org", "password1": SECRET, "password2": SECRET}

    def test_closed_unless_opened(self, client, db):
        client.post("/accounts/signup/", self.FORM)
        assert not User.objects.exists()
        assert "made by an administrator" in client.get("/accounts/signup/").text
        assert "/accounts/signup/" not in client.get(LOGIN).text

    def test_opened(self, client, db, settings):
        settings.ACCOUNT_SIGNUP_OPEN = True
        assert "/accounts/signup/" in client.get(LOGIN).text
        client.post("/accounts/signup/", self.FORM)
        created = User.objects.get()
        assert not created.is_staff


class TestWhatAFaceAloneMayNotDo:
    """Else a photo of somebody would be enough to keep the account for good."""

    PAGES = ["/accounts/email/", "/accounts/password/set/"]

    @pytest.mark.parametrize("page", PAGES)
    def test_the_password_is_asked_for_first(self, client, enrol, look, page):
        enrol(6)
        look(person_jpeg(6))
        assert client.get(page)["Location"] == f"/accounts/reauthenticate/?next={page}"
        assert client.post(page, {"email": "x@example.org", "action_add": ""}).status_code == 302
        client.post("/accounts/reauthenticate/", {"password": SECRET})
        assert not client.get(page).headers.get("Location", "").startswith("/accounts/reauthenticate/")

    @pytest.mark.parametrize("page", PAGES)
    def test_without_a_password_there_is_no_way(self, client, enrol, look, page):
        user = enrol(6).user
        user.set_unusable_password()
        user.save()
        look(person_jpeg(6))
        response = client.post(page, {"password1": "another secret!", "password2": "another secret!"})
        assert response.status_code == 403
        assert "no password" in response.text
        user.refresh_from_db()
        assert not user.has_usable_password()

    def test_a_password_session_may(self, client, user):
        client.post(LOGIN, {"login": "ada", "password": SECRET})
        assert client.get("/accounts/email/").status_code == 200

    @pytest.mark.parametrize("page", PAGES)
    @pytest.mark.parametrize("gone", ["locked", "deleted"])
    def test_nor_in_a_browser_that_held_the_session_of_another_account(
        self, client, user, enrol, look, page, gone
    ):
        enrol(6)
        client.force_login(user)
        if gone == "locked":
            User.objects.filter(pk=user.pk).update(is_active=False)
        else:
            user.delete()
        look(person_jpeg(6))
        assert client.get(page)["Location"] == f"/accounts/reauthenticate/?next={page}"

    def test_a_session_without_a_record_of_how_it_was_opened_is_asked_too(self, client, user):
        client.force_login(user)
        assert "/accounts/reauthenticate/" in client.get("/accounts/email/")["Location"]
        client.post("/accounts/reauthenticate/", {"password": SECRET})
        assert client.get("/accounts/email/").status_code == 200


class TestErrorPages:
    def test_not_found(self, client, db):
        response = client.get("/nothing-here/")
        assert response.status_code == 404
        assert "There is nothing here" in response.text

    def test_a_bad_request(self, client, db, monkeypatch):
        def suspicious(*_, **__):
            raise SuspiciousOperation("odd")

        monkeypatch.setattr("accounts.views.render", suspicious)
        response = client.get("/")
        assert response.status_code == 400
        assert "could not be read" in response.text
        assert "odd" not in response.text

    def test_an_error_of_ours_shows_no_detail(self, db, monkeypatch):
        def broken(*_, **__):
            raise RuntimeError("secret detail")

        monkeypatch.setattr("accounts.views.render", broken)
        response = Client(raise_request_exception=False).get("/")
        assert response.status_code == 500
        assert "on our side" in response.text
        assert "secret detail" not in response.text

    def test_it_needs_neither_request_nor_database(self):
        assert "on our side" in render_to_string("500.html")

    def test_it_says_nothing_of_what_is_kept_since_it_knows_no_settings(self):
        assert "kept" not in render_to_string("500.html")

    def test_too_many_requests(self, client, user, settings):
        settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
        client.post(LOGIN, {})
        response = client.post(LOGIN, {})
        assert response.status_code == 429
        assert "Too many requests" in response.text
