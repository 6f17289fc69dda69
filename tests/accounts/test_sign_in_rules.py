"""What a face opens: by group, by the site, for staff."""

from __future__ import annotations

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import FaceOpens, SignInRule, User
from recognition.models import AuditEntry, Decision, Identity
from recognition.services.enrolment.photos import add_photo
from recognition.services.identities import add_lookalikes
from tests.accounts.test_second_factor import SECRET, code
from tests.fakes import person_jpeg, wall_jpeg
from tests.galleries import process_as_theirs

pytestmark = pytest.mark.django_db

PASSWORD = "a long enough secret"
ASKED = "/accounts/face/password/"
ALIKE = "/accounts/face/alike/"


def rule(user: User, face: FaceOpens, *, paths: str = "", group: str = "") -> None:
    made = Group.objects.create(name=group or f"group {Group.objects.count()}")
    SignInRule.objects.create(group=made, face=face, paths=paths)
    user.groups.add(made)


@pytest.fixture
def person(enrol) -> Identity:
    return enrol(6)


@pytest.fixture
def face(look):
    return lambda: look(person_jpeg(6, variant=4))


def signed_in(client: Client) -> bool:
    return SESSION_KEY in client.session


class TestAlone:
    def test_is_the_usual_rule(self, client, person, face):
        assert face().status_code == 200
        assert signed_in(client)

    @pytest.mark.parametrize("way", [FaceOpens.FACTOR, FaceOpens.NEVER])
    def test_the_site_may_want_more(self, client, person, face, settings, way):
        settings.FACE_OPENS = way.value
        assert face().json()["code"] == "not_recognised"
        assert not signed_in(client)
        assert Decision.objects.latest("id").reason == "no_account"

    def test_a_group_may_want_less_than_the_site(self, client, person, face, settings):
        settings.FACE_OPENS = "never"
        rule(person.user, FaceOpens.ALONE)
        assert face().status_code == 200
        assert signed_in(client)

    def test_of_several_groups_the_most_careful_counts(self, client, person, face):
        rule(person.user, FaceOpens.NEVER)
        rule(person.user, FaceOpens.ALONE)
        assert face().status_code == 400


class TestWithPassword:
    @pytest.fixture(autouse=True)
    def wanted(self, person) -> None:
        rule(person.user, FaceOpens.PASSWORD)

    def test_it_is_asked_for_after_the_face(self, client, person, face):
        assert face().json()["location"] == ASKED
        assert not signed_in(client)
        assert client.get("/accounts/profile/").status_code == 302
        assert "You were recognised" in client.get(ASKED).text
        answer = client.post(ASKED, {"password": PASSWORD})
        assert answer["Location"] == "/accounts/profile/"
        assert client.session[SESSION_KEY] == str(person.user_id)
        assert client.session.get_expire_at_browser_close()

    def test_only_then_the_face_counts_as_a_sign_in(self, client, person, face):
        face()
        held = Decision.objects.latest("id")
        assert (held.outcome, held.reason, held.user) == ("rejected", "second_step", None)
        assert not AuditEntry.objects.filter(action="signed_in").exists()
        client.post(ASKED, {"password": PASSWORD})
        held.refresh_from_db()
        assert (held.outcome, held.reason, held.user) == ("match", "", person.user)
        assert AuditEntry.objects.filter(action="signed_in").count() == 1

    def test_a_wrong_one_opens_nothing(self, client, face):
        face()
        answer = client.post(ASKED, {"password": "wrong"})
        assert answer.status_code == 400
        assert "not the password of your account" in answer.text
        assert not signed_in(client)
        assert AuditEntry.objects.filter(action="refused.sign_in").exists()

    def test_of_another_account_neither(self, client, face, enrol):
        enrol(7).user.set_password("another long secret")
        face()
        client.post(ASKED, {"password": "another long secret"})
        assert not signed_in(client)

    def test_five_wrong_ones_are_all(self, client, face):
        face()
        for _ in range(5):
            client.post(ASKED, {"password": "wrong"})
        answer = client.post(ASKED, {"password": PASSWORD})
        assert "Too many failed login attempts" in answer.text
        assert not signed_in(client)

    def test_without_a_face_there_is_no_such_page(self, client):
        assert client.get(ASKED)["Location"] == "/accounts/login/"
        assert client.post(ASKED, {"password": PASSWORD})["Location"] == "/accounts/login/"
        assert not signed_in(client)

    def test_a_second_factor_does_in_its_place(self, client, person, face):
        TOTP.activate(person.user, SECRET)
        assert face().json()["location"].startswith("/accounts/2fa/authenticate/")
        client.post("/accounts/2fa/authenticate/", {"code": code()})
        assert signed_in(client)
        assert Decision.objects.latest("id").user == person.user

    def test_an_account_without_either_stays_shut(self, client, person, face):
        person.user.set_unusable_password()
        person.user.save()
        assert face().status_code == 400

    def test_the_password_alone_still_opens(self, client, person):
        client.post("/accounts/login/", {"login": person.user.username, "password": PASSWORD})
        assert signed_in(client)

    def test_a_session_of_a_face_alone_ends_when_the_rule_comes(self, client, person, face):
        SignInRule.objects.update(face=FaceOpens.ALONE)
        face()
        assert signed_in(client)
        SignInRule.objects.update(face=FaceOpens.PASSWORD)
        assert client.get("/accounts/profile/").status_code == 302
        assert not signed_in(client)

    def test_the_account_page_says_so(self, client, person):
        client.force_login(person.user)
        assert "together with your password" in client.get("/accounts/profile/").text


class TestWithSecondFactor:
    def test_the_account_page_asks_for_one(self, client, person):
        rule(person.user, FaceOpens.FACTOR)
        client.force_login(person.user)
        assert "Set one up first" in client.get("/accounts/profile/").text

    def test_both_together_open(self, client, person, face):
        rule(person.user, FaceOpens.FACTOR)
        TOTP.activate(person.user, SECRET)
        face()
        assert not signed_in(client)
        client.post("/accounts/2fa/authenticate/", {"code": code()})
        assert signed_in(client)


class TestStaff:
    @pytest.mark.parametrize("rights", [{"is_staff": True}, {"is_superuser": True}])
    def test_a_face_opens_nothing_without_a_rule(self, client, person, face, rights):
        User.objects.update(**rights)
        assert face().status_code == 400

    def test_never_a_face_alone(self, client, person, face):
        User.objects.update(is_staff=True)
        rule(person.user, FaceOpens.ALONE)
        assert face().json()["location"] == ASKED
        client.post(ASKED, {"password": PASSWORD})
        assert signed_in(client)
        assert client.get("/admin/", follow=True).status_code == 200
        assert signed_in(client)


class TestPages:
    @pytest.fixture(autouse=True)
    def only_the_account_page(self, person) -> None:
        rule(person.user, FaceOpens.ALONE, paths="/accounts/profile/\n/photos/")

    def test_elsewhere_the_password_is_asked_for(self, client, person, face):
        face()
        assert client.get("/accounts/profile/").status_code == 200
        assert client.get(f"/photos/{person.photos.first().pk}/image").status_code == 200
        answer = client.get("/accounts/consent/")
        assert answer["Location"] == "/accounts/reauthenticate/?next=/accounts/consent/"
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
        assert client.get("/accounts/consent/").status_code == 200

    def test_one_may_always_leave(self, client, face):
        face()
        assert client.post("/accounts/logout/").status_code == 302
        assert not signed_in(client)

    def test_two_groups_have_to_agree(self, client, person, face):
        rule(person.user, FaceOpens.ALONE, paths="/accounts/")
        face()
        assert client.get("/accounts/profile/").status_code == 200
        assert client.get("/accounts/consent/").status_code == 302
        assert client.get(f"/photos/{person.photos.first().pk}/image").status_code == 302


class TestFiveFailures:
    def test_of_one_browser_then_a_wait(self, client, person, look, face):
        for _ in range(5):
            assert look(wall_jpeg()).status_code == 400
        answer = face()
        assert answer.status_code == 429
        assert 60 < int(answer["Retry-After"]) <= 300
        assert look(person_jpeg(6, variant=4), browser=Client()).status_code == 200


class TestAdmin:
    def test_the_rule_is_on_the_page_of_the_group(self, client, db):
        client.force_login(User.objects.create_superuser("boss"))
        group = Group.objects.create(name="visitors")
        page = f"/admin/auth/group/{group.pk}/change/"
        form = {
            "name": "visitors",
            "sign_in_rule-TOTAL_FORMS": "1",
            "sign_in_rule-INITIAL_FORMS": "0",
            "sign_in_rule-0-group": str(group.pk),
            "sign_in_rule-0-face": "factor",
            "sign_in_rule-0-paths": "accounts",
        }
        assert "is no address of this site" in client.post(page, form).text
        client.post(page, form | {"sign_in_rule-0-paths": "/accounts/"})
        assert SignInRule.objects.get().face == FaceOpens.FACTOR
        assert AuditEntry.objects.filter(action="sign_in_rule.added", who="boss").exists()
        assert "a second factor" in client.get("/admin/auth/group/").text


class TestLookalikes:
    """Two people with one face: the password says which of them it is."""

    @pytest.fixture
    def twins(self, enrol) -> tuple[Identity, Identity]:
        one, other = enrol(6), enrol(7, photo_count=0)
        for number in (1, 2):
            process_as_theirs(add_photo(identity=other, data=person_jpeg(6, variant=10 + number)).pk)
        other.user.set_password("another long secret")
        other.user.save()
        return one, other

    def test_neither_is_signed_in_by_the_face_alone(self, client, twins, face):
        assert face().json()["location"] == ALIKE
        assert not signed_in(client)
        assert "looks much like you" in client.get(ALIKE).text
        for identity in twins:
            assert identity.name not in client.get(ALIKE).text

    @pytest.mark.parametrize(("who", "password"), [(0, PASSWORD), (1, "another long secret")])
    def test_each_with_the_own_password(self, client, twins, face, who, password):
        face()
        assert client.post(ALIKE, {"password": password})["Location"] == "/accounts/profile/"
        assert client.session[SESSION_KEY] == str(twins[who].user_id)
        decision = Decision.objects.get()
        assert (decision.outcome, decision.identity, decision.user) == ("match", twins[who], twins[who].user)
        assert "face" in {record["method"] for record in client.session["account_authentication_methods"]}

    def test_three_wrong_passwords_and_the_face_is_asked_for_again(self, client, twins, face):
        face()
        for status in (400, 400, 302):
            assert client.post(ALIKE, {"password": "wrong"}).status_code == status
        assert client.post(ALIKE, {"password": PASSWORD})["Location"] == "/accounts/login/"
        assert not signed_in(client)
        assert AuditEntry.objects.filter(action="refused.sign_in").count() == 3
        assert Decision.objects.get().outcome == "no_match"

    def test_the_same_password_tells_nobody_apart(self, client, twins, face):
        twins[1].user.set_password(PASSWORD)
        twins[1].user.save()
        face()
        assert client.post(ALIKE, {"password": PASSWORD}).status_code == 400
        assert not signed_in(client)

    def test_a_third_person_s_password_opens_nothing(self, client, twins, face, enrol):
        third = enrol(9).user
        third.set_password("a third long secret")
        third.save()
        face()
        assert client.post(ALIKE, {"password": "a third long secret"}).status_code == 400

    def test_a_second_factor_is_asked_for_besides(self, client, twins, face):
        TOTP.activate(twins[0].user, SECRET)
        face()
        assert client.post(ALIKE, {"password": PASSWORD})["Location"].startswith(
            "/accounts/2fa/authenticate/"
        )
        assert not signed_in(client)

    def test_whoever_staff_know_to_be_confused_is_asked_too(self, client, enrol, face):
        """Even where the face can be told, whosever account it is."""
        one, other = enrol(6), enrol(7)
        add_lookalikes(one, other)
        assert face().json()["location"] == ALIKE
        held = Decision.objects.get()
        assert (held.outcome, held.reason, held.identity) == ("rejected", "second_step", one)
        assert client.post(ALIKE, {"password": "wrong"}).status_code == 400
        # It was the other one after all, whose password it is.
        other.user.set_password("another long secret")
        other.user.save()
        assert client.post(ALIKE, {"password": "another long secret"})["Location"] == "/accounts/profile/"
        assert client.session[SESSION_KEY] == str(other.user_id)
        decision = Decision.objects.get()
        assert (decision.outcome, decision.identity, decision.user) == ("match", other, other.user)

    @pytest.fixture
    def without_passwords(self, enrol) -> Identity:
        """One of two who are known to be confused, neither of whom has a password."""
        one, other = enrol(6), enrol(7)
        add_lookalikes(one, other)
        for identity in (one, other):
            identity.user.set_unusable_password()
            identity.user.save()
        return one

    def test_a_face_alone_opens_nothing_of_who_is_confused(self, client, without_passwords, face):
        assert face().status_code == 400
        assert not signed_in(client)

    def test_a_second_factor_will_do_without_a_password(self, client, without_passwords, face):
        TOTP.activate(without_passwords.user, SECRET)
        assert face().json()["location"].startswith("/accounts/2fa/authenticate/")
        assert not signed_in(client)

    def test_a_session_of_a_face_alone_ends_when_it_becomes_known(self, client, enrol, face):
        one, other = enrol(6), enrol(7)
        face()
        assert signed_in(client)
        add_lookalikes(one, other)
        client.get("/")
        assert not signed_in(client)

    def test_who_may_not_sign_in_by_face_may_not_so_either(self, client, twins, face):
        for identity in twins:
            rule(identity.user, FaceOpens.NEVER)
        assert face().status_code == 400
        assert client.get(ALIKE)["Location"] == "/accounts/login/"

    def test_there_is_no_such_page_without_a_face(self, client, twins):
        assert client.post(ALIKE, {"password": PASSWORD})["Location"] == "/accounts/login/"
        assert not signed_in(client)
