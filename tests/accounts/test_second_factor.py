"""Second factors: set up, demanded at sign-in, demanded of staff, sealed."""

from __future__ import annotations

import base64
import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.contrib.auth import SESSION_KEY
from django.test import Client

from accounts.models import User
from recognition import sealing
from recognition.models import AuditEntry
from tests.fakes import person_jpeg

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough secret"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code(secret: str = SECRET) -> str:
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


def sign_in(client: Client, name: str) -> object:
    return client.post("/accounts/login/", {"login": name, "password": PASSWORD}, follow=True)


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", password=PASSWORD)


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss", password=PASSWORD)


class TestSettingUp:
    def test_an_app_that_shows_codes(self, client, ada, django_capture_on_commit_callbacks):
        sign_in(client, "ada")
        assert "reauthenticate" in client.get("/accounts/2fa/totp/activate/")["Location"]
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
        page = client.get("/accounts/2fa/totp/activate/").content.decode()
        secret = re.search(r'value="([A-Z2-7]{16,})"', page)[1]
        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
        assert answer.status_code == 302
        row = Authenticator.objects.get(user=ada, type="totp")
        assert secret not in str(row.data)
        assert sealing.is_sealed(base64.b64decode(row.data["secret"]))
        assert AuditEntry.objects.filter(action="second_factor.added", object=str(ada.pk)).exists()

    @pytest.mark.parametrize("page", ["", "totp/activate/", "webauthn/", "webauthn/add/"])
    def test_the_pages_are_in_the_frame_of_the_site(self, client, ada, page):
        sign_in(client, "ada")
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
        answer = client.get(f"/accounts/2fa/{page}")
        assert answer.status_code == 200
        text = answer.content.decode()
        assert "site/site" in text
        assert not re.search(r"<script(?![^>]*(src=|application/json))", text)

    def test_the_account_page_leads_there(self, client, ada):
        sign_in(client, "ada")
        assert 'href="/accounts/2fa/"' in client.get("/accounts/profile/").content.decode()

    def test_a_face_alone_does_not_set_one_up(self, client, enrol, look):
        enrol(6)
        look(person_jpeg(6, variant=4))
        for page in ("", "totp/activate/", "webauthn/add/"):
            answer = client.get(f"/accounts/2fa/{page}")
            assert answer.status_code == 302
            assert "reauthenticate" in answer["Location"]

    def test_nor_in_an_account_without_a_password(self, client, enrol, look):
        identity = enrol(6)
        identity.user.set_unusable_password()
        identity.user.save()
        look(person_jpeg(6, variant=4))
        assert client.get("/accounts/2fa/totp/activate/").status_code == 403


class TestSigningIn:
    def test_a_password_alone_is_not_enough(self, client, ada):
        TOTP.activate(ada, SECRET)
        answer = sign_in(client, "ada")
        assert answer.redirect_chain[-1][0].startswith("/accounts/2fa/authenticate/")
        assert SESSION_KEY not in client.session
        assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
        assert AuditEntry.objects.filter(action="refused.second_factor").exists()
        client.post("/accounts/2fa/authenticate/", {"code": code()})
        assert client.session[SESSION_KEY] == str(ada.pk)

    def test_nor_is_a_face(self, client, enrol, look):
        identity = enrol(6)
        TOTP.activate(identity.user, SECRET)
        answer = look(person_jpeg(6, variant=4))
        assert answer.json()["location"].startswith("/accounts/2fa/authenticate/")
        assert SESSION_KEY not in client.session
        client.post("/accounts/2fa/authenticate/", {"code": code()})
        assert client.session[SESSION_KEY] == str(identity.user_id)

    def test_a_recovery_code_works_once(self, client, ada):
        from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

        TOTP.activate(ada, SECRET)
        codes = RecoveryCodes.activate(ada).get_unused_codes()
        sign_in(client, "ada")
        client.post("/accounts/2fa/authenticate/", {"code": codes[0]})
        assert SESSION_KEY in client.session
        other = Client()
        sign_in(other, "ada")
        other.post("/accounts/2fa/authenticate/", {"code": codes[0]})
        assert SESSION_KEY not in other.session

    def test_with_a_former_key_of_the_site(self, client, ada, settings):
        TOTP.activate(ada, SECRET)
        settings.SITE_KEYS = ["another key of the site, quite long", *settings.SITE_KEYS]
        sign_in(client, "ada")
        client.post("/accounts/2fa/authenticate/", {"code": code()})
        assert SESSION_KEY in client.session


class TestStaff:
    @pytest.fixture(autouse=True)
    def demanded(self, settings) -> None:
        settings.STAFF_SECOND_FACTOR = True

    @pytest.mark.parametrize("page", ["/admin/", "/admin/recognition/identity/", "/admin/accounts/user/"])
    def test_the_admin_waits_for_a_second_factor(self, client, boss, page):
        client.force_login(boss)
        answer = client.get(page)
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/2fa/")

    def test_and_opens_with_one(self, client, boss):
        TOTP.activate(boss, SECRET)
        client.force_login(boss)
        assert client.get("/admin/").status_code == 200

    def test_changes_wait_as_well(self, client, boss, enrol):
        identity = enrol(6)
        client.force_login(boss)
        client.post(f"/admin/recognition/identity/{identity.pk}/suspend/")
        identity.refresh_from_db()
        assert identity.status == "active"

    def test_others_are_not_asked(self, client, ada):
        client.force_login(ada)
        assert client.get("/accounts/profile/").status_code == 200

    def test_by_default_where_the_site_is_served_by_https(self):
        from identity_site import settings as site

        assert site.STAFF_SECOND_FACTOR == site.HTTPS_ONLY

    def test_switched_off(self, client, boss, settings):
        settings.STAFF_SECOND_FACTOR = False
        client.force_login(boss)
        assert client.get("/admin/").status_code == 200
