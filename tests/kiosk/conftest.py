"""A tablet, paired or not, and enrolled fake people."""

from __future__ import annotations

import pytest
from django.test import Client

from recognition.kiosk.device import COOKIE
from recognition.models import ApiKey
from recognition.services import keys
from tests.accounts.conftest import enrol, fresh_state  # noqa: F401

OWN = {"X-Kiosk": "1"}


class Tablet:
    """Asks as the app does."""

    def __init__(self) -> None:
        self.client = Client(headers=OWN)

    def pair(self, code: str) -> object:
        return self.client.post("/kiosk/pair", {"code": code}, content_type="application/json")

    def status(self) -> object:
        return self.client.get("/kiosk/status")

    @property
    def key(self) -> str:
        return self.client.cookies[COOKIE].value


@pytest.fixture
def door(db: None) -> ApiKey:
    return keys.add_kiosk(name="Door", place="Main entrance")[0]


@pytest.fixture
def tablet(door: ApiKey) -> Tablet:
    """Paired as the door."""
    tablet = Tablet()
    assert tablet.pair(keys.open_pairing(door)).status_code == 200  # type: ignore[attr-defined]
    return tablet
