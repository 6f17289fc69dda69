"""Enrolment photos are shown to their owner and to staff with the permission, to nobody else."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from recognition.models import Photo, StoredFile
from recognition.services.enrolment import photos as photo_services
from tests.fakes import wall_jpeg


@pytest.fixture
def photo(enrol) -> Photo:
    return enrol(6).photos.first()


@pytest.fixture(params=["image", "crop"])
def url(request, photo) -> str:
    return f"/photos/{photo.pk}/{request.param}"


def signed_in_as(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def staff(*permissions: str) -> User:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def test_the_owner_sees_it_and_no_cache_shares_it(photo, url):
    response = signed_in_as(photo.identity.user).get(url)
    assert response.status_code == 200
    assert response.content.startswith(b"\xff\xd8")
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "private" in response["Cache-Control"]
    assert "public" not in response["Cache-Control"]


def test_staff_with_the_permission_see_it(url):
    assert signed_in_as(staff("view_photo")).get(url).status_code == 200


def test_staff_without_the_permission_do_not(url):
    assert signed_in_as(staff("view_identity")).get(url).status_code == 404


def test_the_permission_alone_is_not_enough(url):
    user = staff("view_photo")
    user.is_staff = False
    user.save()
    assert signed_in_as(user).get(url).status_code == 404


def test_another_enrolled_person_does_not(enrol, url):
    assert signed_in_as(enrol(7).user).get(url).status_code == 404


def test_an_account_without_a_person_does_not(url):
    assert signed_in_as(User.objects.create_user("nobody")).get(url).status_code == 404


def test_a_stranger_does_not(client, url):
    assert client.get(url).status_code == 404


def test_a_stranger_cannot_tell_which_photos_exist(client, photo):
    missing = client.get(f"/photos/{photo.pk + 1000}/image")
    there = client.get(f"/photos/{photo.pk}/image")
    assert (missing.status_code, missing.content) == (there.status_code, there.content)


def test_no_longer_once_unlinked(photo, url):
    client = signed_in_as(photo.identity.user)
    assert client.get(url).status_code == 200
    photo.identity.user = None
    photo.identity.save()
    assert client.get(url).status_code == 404


def test_the_browser_may_keep_it_but_has_to_ask(photo, url):
    client = signed_in_as(photo.identity.user)
    etag = client.get(url)["ETag"]
    again = client.get(url, HTTP_IF_NONE_MATCH=etag)
    assert again.status_code == 304
    assert again.content == b""
    assert Client().get(url, HTTP_IF_NONE_MATCH=etag).status_code == 404


def test_a_rejected_photo_has_no_crop(enrol):
    identity = enrol(6)
    photo = photo_services.add_photo(identity=identity, data=wall_jpeg())
    photo_services.process_photos([photo.pk])
    client = signed_in_as(identity.user)
    assert client.get(f"/photos/{photo.pk}/image").status_code == 200
    assert client.get(f"/photos/{photo.pk}/crop").status_code == 404


def test_bytes_that_are_gone_are_not_found(photo, url):
    StoredFile.objects.all().delete()
    assert signed_in_as(photo.identity.user).get(url).status_code == 404


def test_only_for_reading(photo, url):
    client = signed_in_as(photo.identity.user)
    assert client.head(url).status_code == 200
    assert client.post(url).status_code == 405
    assert client.delete(url).status_code == 405
