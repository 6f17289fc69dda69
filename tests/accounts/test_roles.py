"""The ready groups: what each may, and what it may not."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from accounts.models import User
from accounts.roles import ROLES
from recognition.services import keys
from tests.fakes import person_jpeg

pytestmark = pytest.mark.django_db

PAGES = {
    "people": "/admin/recognition/identity/",
    "add person": "/admin/recognition/identity/add/",
    "photos": "/admin/recognition/photo/",
    "review": "/admin/recognition/photo/review/",
    "decisions": "/admin/recognition/decision/",
    "keys": "/admin/recognition/apikey/",
    "add key": "/admin/recognition/apikey/add/",
    "policies": "/admin/recognition/thresholdpolicy/",
    "index": "/admin/recognition/gallerybuild/",
    "models": "/admin/recognition/modelversion/",
    "audit": "/admin/recognition/auditentry/",
    "users": "/admin/accounts/user/",
    "groups": "/admin/auth/group/",
}
MAY = {
    "owner": set(PAGES) - {"users", "groups"},
    "enroller": {"people", "add person", "photos", "review"},
    "auditor": {"decisions", "keys", "policies", "models", "audit"},
    "operator": {"keys", "index", "models"},
}


@pytest.mark.parametrize("role", ROLES)
def test_pages(client, role):
    user = User.objects.create_user(role, password="a long enough secret", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    allowed = {name for name, address in PAGES.items() if client.get(address).status_code == 200}
    assert allowed == MAY[role]


@pytest.mark.parametrize("role", ROLES)
def test_every_right_exists(role):
    found = Permission.objects.filter(codename__in=ROLES[role]).values_list("codename", flat=True)
    assert set(found) == set(ROLES[role])
    assert Group.objects.get(name=role).permissions.count() == len(set(ROLES[role]))


@pytest.mark.parametrize("role", ["enroller", "auditor", "operator"])
def test_nobody_but_the_owner_erases_or_gives_keys(client, role, enrol):
    identity = enrol(6)
    user = User.objects.create_user(role, password="a long enough secret", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    assert (
        client.post(f"/admin/recognition/identity/{identity.pk}/delete/", {"post": "yes"}).status_code == 403
    )
    assert client.get("/admin/recognition/apikey/add/").status_code == 403


@pytest.mark.parametrize("role", ["auditor", "operator"])
def test_faces_are_not_shown_to_who_needs_none(client, role, enrol):
    from django.urls import reverse

    identity = enrol(6)
    user = User.objects.create_user(role, password="a long enough secret", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    photo = identity.photos.first()
    assert client.get(reverse("recognition:photo-image", args=[photo.pk])).status_code == 404


def test_what_a_site_changed_stays(db):
    group = Group.objects.get(name="auditor")
    group.permissions.clear()
    Group.objects.get(name="operator").delete()
    call_command("migrate", verbosity=0, interactive=False)
    assert group.permissions.count() == 0
    assert Group.objects.get(name="operator").permissions.count() == len(set(ROLES["operator"]))


def test_an_api_key_is_no_way_around(client, enrol):
    """Of a kiosk that may identify only."""
    enrol(6)
    _, text = keys.issue_key(name="Door", scopes=["identify"])
    headers = {"HTTP_AUTHORIZATION": f"Bearer {text}"}
    assert client.get("/api/v1/people", **headers).status_code == 403
    assert (
        client.post("/api/v1/identify", person_jpeg(6), content_type="image/jpeg", **headers).status_code
        == 200
    )
