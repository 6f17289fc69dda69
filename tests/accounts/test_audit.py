"""What the pages note: sign-ins, refused ones, looks at pictures, refused pages."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from recognition.models import AuditEntry, Photo
from recognition.services.identities import people

pytestmark = pytest.mark.django_db


def last(action: str) -> AuditEntry:
    return AuditEntry.objects.filter(action=action).latest("pk")


@pytest.fixture
def staff() -> User:
    return User.objects.create_superuser("ada", password="a long enough secret")


def sign_in(client: Client, name: str, password: str) -> None:
    client.post("/accounts/login/", {"login": name, "password": password})


def test_a_sign_in_by_password(client, staff):
    sign_in(client, "ada", "a long enough secret")
    entry = last("signed_in")
    assert (entry.who, entry.user, entry.way, entry.address) == ("ada", staff.pk, "password", "127.0.0.1")


def test_a_refused_sign_in_without_what_was_typed(client, staff):
    sign_in(client, "ada", "my other secret")
    sign_in(client, "my password in the wrong field", "x")
    first, second = AuditEntry.objects.filter(action="refused.sign_in").order_by("pk")
    assert (first.object, second.object) == (str(staff.pk), "")
    said = " ".join(str(entry.__dict__) for entry in (first, second))
    assert "secret" not in said
    assert "wrong field" not in said


def test_a_sign_in_by_face(client, enrol, look):
    identity = enrol(6)
    from tests.fakes import person_jpeg

    look(person_jpeg(6, variant=4))
    entry = last("signed_in")
    assert (entry.user, entry.way) == (identity.user_id, "face")
    assert last("probe.login").person == identity.pk


def test_signing_out(client, staff):
    client.force_login(staff)
    client.post("/accounts/logout/")
    assert last("signed_out").object == str(staff.pk)


def test_a_change_in_the_admin_is_noted_with_who_made_it(client, staff, enrol):
    identity = enrol(6)
    client.force_login(staff)
    client.post(f"/admin/recognition/identity/{identity.pk}/suspend/")
    entry = last("person.changed")
    assert (entry.who, entry.person, entry.detail["status"]) == ("ada", identity.pk, ["active", "suspended"])


@pytest.mark.parametrize(
    ("address", "action"), [("photos/{}/image/", "photo.seen"), ("photos/{}/crop/", "crop.seen")]
)
def test_looks_at_pictures(client, staff, enrol, address, action):
    identity = enrol(6)
    photo = Photo.objects.first()
    client.force_login(staff)
    from django.urls import reverse

    name = "photo-image" if "image" in address else "photo-crop"
    answer = client.get(reverse(f"recognition:{name}", args=[photo.pk]))
    assert answer.status_code == 200
    entry = last(action)
    assert (entry.who, entry.object, entry.person) == ("ada", str(photo.pk), identity.pk)
    again = client.get(reverse(f"recognition:{name}", args=[photo.pk]), HTTP_IF_NONE_MATCH=answer["ETag"])
    assert again.status_code == 304
    assert AuditEntry.objects.filter(action=action).count() == 2


def test_a_picture_that_is_not_shown_is_no_look(client, enrol):
    enrol(6)
    from django.urls import reverse

    assert client.get(reverse("recognition:photo-image", args=[Photo.objects.first().pk])).status_code == 404
    assert not AuditEntry.objects.filter(action="photo.seen").exists()


def test_a_refused_page(client, enrol):
    bob = User.objects.create_user("bob", password="a long enough secret", is_staff=True)
    client.force_login(bob)
    assert client.get("/admin/recognition/identity/").status_code == 403
    entry = last("refused.page")
    assert (entry.who, entry.object) == ("bob", "/admin/recognition/identity/")


def test_a_copy_of_ones_data(client, enrol):
    identity = enrol(6)
    sign_in(client, "user6", "a long enough secret")
    client.post("/accounts/reauthenticate/", {"password": "a long enough secret"})
    assert b"".join(client.post("/accounts/copy/").streaming_content)
    assert last("export.person").person == identity.pk


def test_an_erased_person_is_a_number_in_the_log(client, staff, enrol):
    identity = enrol(6)
    people.update_identity(identity, name="Somebody Unmistakable")
    client.force_login(staff)
    client.post(f"/admin/recognition/identity/{identity.pk}/delete/", {"post": "yes"})
    assert last("person.removed").person == identity.pk
    said = " ".join(str(entry.__dict__) for entry in AuditEntry.objects.all())
    assert "Unmistakable" not in said
