"""The account page shows one's own, and only that."""

from __future__ import annotations

import pytest

from accounts.models import User
from recognition.models import Decision
from recognition.services.enrolment import photos
from recognition.services.identities import people
from tests.fakes import person_jpeg, wall_jpeg

URL = "/accounts/profile/"


def test_a_stranger_is_sent_to_the_login_page(client, db):
    assert client.get(URL)["Location"] == f"/accounts/login/?next={URL}"


def test_after_face_login_it_shows_the_matched_persons_photos(client, enrol, look):
    mine, other = enrol(6), enrol(7)
    look(person_jpeg(6, variant=7))
    page = client.get(URL).text
    assert "with your face" in page
    assert "Fake Person 6" in page
    for photo in mine.photos.all():
        assert f"/photos/{photo.pk}/image" in page
    for photo in other.photos.all():
        assert f"/photos/{photo.pk}/" not in page
    assert "Fake Person 7" not in page


def test_recent_sign_ins_are_mine_and_without_scores(client, enrol, look):
    enrol(7)
    look(person_jpeg(7, variant=3))
    client.logout()
    mine = enrol(6)
    look(person_jpeg(6, variant=3))
    response = client.get(URL)
    assert [d.user_id for d in response.context["sign_ins"]] == [mine.user_id]
    score = Decision.objects.filter(user=mine.user).get().score
    assert f"{score:.3f}" not in response.text
    assert "score" not in response.text


def test_after_a_password(client, enrol):
    enrol(6)
    client.post("/accounts/login/", {"login": "user6", "password": "a long enough secret"})
    page = client.get(URL).text
    assert "with your password" in page
    assert "Change password" in page


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("several_faces", "An administrator has to say which one is you"),
        ("failed", "It could not be looked at"),
        ("too_dark", "The face is too dark"),
    ],
)
def test_what_is_wrong_with_a_photo_is_said_to_its_owner(client, enrol, reason, words):
    identity = enrol(6)
    identity.photos.update(state="rejected", reason=reason)
    client.force_login(identity.user)
    page = client.get(URL).text
    assert words in page
    assert "this person" not in page


def test_the_state_of_each_photo_and_what_to_do(client, enrol):
    identity = enrol(6)
    rejected = photos.add_photo(identity=identity, data=wall_jpeg())
    photos.process_photos([rejected.pk])
    photos.add_photo(identity=identity, data=person_jpeg(6, variant=9))
    client.force_login(identity.user)
    page = client.get(URL).text
    assert page.count("in use") == 2
    assert page.count("not usable") == 1
    assert page.count("being looked at") == 1
    assert "No face was found." in page


@pytest.mark.parametrize(
    ("case", "words"),
    [("plain", "opens this account"), ("suspended", "suspended"), ("staff", "does not open this account")],
)
def test_whether_the_face_opens_the_account(client, enrol, case, words):
    identity = enrol(6, is_staff=case == "staff")
    if case == "suspended":
        people.suspend(identity)
    client.force_login(identity.user)
    assert words in client.get(URL).text


def test_an_account_without_a_person(client, db):
    client.force_login(User.objects.create_user("nobody"))
    page = client.get(URL).text
    assert "not linked" in page
    assert "Enrolled photos" not in page


def test_a_name_cannot_smuggle_markup(client, enrol):
    identity = enrol(6)
    people.update_identity(identity, name="<b>Fake</b>")
    client.force_login(identity.user)
    assert "<b>Fake</b>" not in client.get(URL).text
