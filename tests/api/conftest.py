"""A kiosk for each scope, a stranger without a key, and enrolled fake people."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recognition.models import Photo
from recognition.services.enrolment import photos
from tests.accounts.conftest import enrol, fresh_state  # noqa: F401
from tests.api.kiosks import Kiosk, kiosk_with

NewKiosk = Callable[..., Kiosk]


@pytest.fixture
def new_kiosk(db: None) -> NewKiosk:
    """A kiosk whose key has these scopes."""
    return lambda *scopes: kiosk_with(scopes)


@pytest.fixture
def stranger(db: None) -> Kiosk:
    return Kiosk()


@pytest.fixture
def process() -> Callable[[], None]:
    """Do what the worker would do with the photos that wait."""

    def process() -> None:
        waiting = Photo.objects.filter(state=Photo.State.WAITING).values_list("pk", flat=True)
        photos.process_photos(list(waiting))

    return process
