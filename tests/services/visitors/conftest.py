"""A site that keeps unknown visitors, and a door and a camera that see them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recognition.engine.quality import PROBE
from recognition.models import ApiKey, Camera, Decision
from recognition.services import cameras, keys
from recognition.services.analysis import get_analyzer
from recognition.services.recognition import Asker, identify, identify_together
from tests.fakes import person_jpeg, person_picture

Shown = Callable[..., Decision]


@pytest.fixture(autouse=True)
def keeping(settings) -> None:
    settings.KEEP_VISITORS_DAYS = 14


@pytest.fixture
def door(db: None) -> ApiKey:
    return keys.add_kiosk(name="Door", place="Gate")[0]


@pytest.fixture
def camera(db: None) -> Camera:
    row = Camera(name="yard", place="Yard", source="0")
    cameras.save_camera(row)
    return row


@pytest.fixture
def shown(door: ApiKey) -> Shown:
    """The kiosk sees these people."""

    def shown(*people: int, **how: object) -> Decision:
        identify(person_jpeg(*people, **how), asker=Asker(api_key=door))
        return Decision.objects.latest("pk")

    return shown


@pytest.fixture
def filmed(camera: Camera) -> Shown:
    """The camera sees this person."""

    def filmed(person: int, **how: object) -> Decision:
        picture = person_picture(person, **how)
        faces = get_analyzer().find(picture, PROBE)
        identify_together(faces, asker=Asker(kind=Decision.Kind.WATCH, camera_id=camera.pk), picture=picture)
        return Decision.objects.latest("pk")

    return filmed
