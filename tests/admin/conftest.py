"""Three people in front of the admin: the owner, a colleague who may only look, and an outsider who is no staff."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from recognition.models import Identity, Photo
from recognition.services.enrolment import photos
from recognition.services.identities import people
from tests.accounts.conftest import enrol, fresh_state  # noqa: F401
from tests.fakes import person_jpeg
from tests.galleries import process_as_theirs

LOOK = [
    f"view_{model}"
    for model in (
        "identity",
        "photo",
        "decision",
        "apikey",
        "gallerybuild",
        "thresholdpolicy",
        "modelversion",
    )
]


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def file(data: bytes, name: str = "photo.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="image/jpeg")


@pytest.fixture
def staff(db: None) -> Callable[..., Client]:
    """A signed-in member of staff with just these rights."""

    def staff(*rights: str) -> Client:
        user = User.objects.create_user(f"clerk{User.objects.count()}", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
        return client_of(user)

    return staff


@pytest.fixture
def owner(db: None) -> Client:
    return client_of(User.objects.create_superuser("owner"))


@pytest.fixture
def colleague(staff: Callable[..., Client]) -> Client:
    return staff(*LOOK)


@pytest.fixture
def outsider(db: None) -> Client:
    return client_of(User.objects.create_user("outsider"))


@pytest.fixture
def ann(db: None) -> Identity:
    """A person with one photo that is ready."""
    return person("Ann", 3)


def person(name: str, number: int, *, variants: tuple[int, ...] = (0,)) -> Identity:
    identity = people.create_identity(name=name, external_id=f"ID-{name}")
    for variant in variants:
        process_as_theirs(photos.add_photo(identity=identity, data=person_jpeg(number, variant=variant)).pk)
    return identity


def add_photo(identity: Identity, data: bytes, name: str = "photo.jpg") -> Photo:
    """A photo that has been looked at."""
    photo = photos.add_photo(identity=identity, data=data, filename=name)
    photos.process_photos([photo.pk])
    photo.refresh_from_db()
    return photo


def person_page(identity: Identity) -> str:
    return f"/admin/recognition/identity/{identity.pk}/change/"


def said(response: object) -> list[str]:
    """The messages on the page that follows."""
    return [str(message) for message in response.context["messages"]]  # type: ignore[attr-defined]
