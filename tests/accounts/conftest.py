"""People with accounts and enrolled faces, with the fake networks in place of the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from recognition.engine.types import ModelSpec
from recognition.engine.weights import Manifest
from recognition.models import Identity
from recognition.services.analysis.analyzer import Analyzer, use_analyzer
from recognition.services.enrolment import photos
from recognition.services.gallery.live import live_gallery
from recognition.services.identities import people
from recognition.services.recognition import shadow
from tests.fakes import FakeDetector, FakeEmbedder, FakeInspector, FakeRefiner, person_jpeg
from tests.galleries import process_as_theirs

POLICY = {"verify_threshold": 0.5, "identify_threshold": 0.5, "margin": 0.1, "source": "made up for tests"}
JSON = {"HTTP_ACCEPT": "application/json"}


def fake_spec(name: str, **settings: object) -> ModelSpec:
    return ModelSpec(
        name, "embedder", "1", "none", "0" * 64, 0, output={"dimensions": 512}, settings=settings
    )


class FakeAnalyzer(Analyzer):
    """Its models: "fake-embedder" in use, "other-embedder" with thresholds of its own, "bare-embedder" without."""

    detector_spec = refiner_spec = fake_spec("fake-finder")

    def spec(self, name: str) -> ModelSpec:
        return self.manifest.spec(name)

    def __init__(self) -> None:
        specs = (
            fake_spec("fake-embedder", policy=POLICY),
            fake_spec("other-embedder", policy=POLICY | {"source": "other people"}),
            fake_spec("bare-embedder"),
        )
        self.manifest = Manifest(Path(), specs, {})
        self.embedder_spec = specs[0]
        self._others.update({name: FakeEmbedder(name=name) for name in ("other-embedder", "bare-embedder")})
        self.__dict__ |= {
            "_detectors": {"fake-finder": FakeDetector()},
            "refiner": FakeRefiner(),
            "inspector": FakeInspector(),
            "embedder": FakeEmbedder(),
        }


@pytest.fixture(autouse=True)
def fresh_state(request: pytest.FixtureRequest) -> Iterator[None]:
    """No gallery left over from another test; fake networks unless the real ones are asked for."""
    live_gallery.forget()
    if request.node.get_closest_marker("models"):
        yield
    else:
        with use_analyzer(FakeAnalyzer()):
            yield
    live_gallery.forget()
    shadow.forget()


Enrol = Callable[..., Identity]


@pytest.fixture
def enrol(db: None) -> Enrol:
    """Enrol the fake person of this number with two photos; further arguments go to the account."""

    def enrol(number: int, *, account: bool = True, photo_count: int = 2, **user: object) -> Identity:
        identity = people.create_identity(name=f"Fake Person {number}", external_id=f"F{number}")
        for variant in range(photo_count):
            photo = photos.add_photo(identity=identity, data=person_jpeg(number, variant=variant))
            process_as_theirs(photo.pk)
        if account:
            owner = User.objects.create_user(f"user{number}", password="a long enough secret", **user)
            identity = people.update_identity(identity, user_id=owner.pk)
        return identity

    return enrol


@pytest.fixture
def look(client: Client) -> Callable[..., object]:
    """Show a picture to the face login page, as the camera script does (JSON) or as the plain form does."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    def look(data: bytes, *, as_json: bool = True, browser: Client = client, **fields: str) -> object:
        photo = SimpleUploadedFile("camera.jpg", data, content_type="image/jpeg")
        headers = JSON if as_json else {}
        return browser.post(reverse("accounts:face-login"), {"photo": photo, **fields}, **headers)

    return look
