"""Face login with the real networks and the demo photographs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core.cache import cache

from accounts.models import User
from accounts.services import ensure_demo_accounts
from recognition.engine.images import decode, encode_jpeg
from recognition.models import Decision
from recognition.services.enrolment import import_plan, importing

pytestmark = pytest.mark.models

DEMO = Path(settings.BASE_DIR) / "demo"
ENROLLED = [f"P{number:03}" for number in range(1, 9)]
PHOTOS = 3


@pytest.fixture
def demo_accounts(db: None) -> None:
    plan = [
        import_plan.PlannedPerson(name, name, sorted((DEMO / "people" / name).iterdir())[:PHOTOS])
        for name in ENROLLED
    ]
    report = importing.import_people(plan)
    assert report.enrolled >= 2 * len(ENROLLED), report.rejected
    assert ensure_demo_accounts(ENROLLED) == [name.lower() for name in ENROLLED]


@pytest.fixture
def who(client, look):
    """The user name that a picture opens, or the code of the refusal."""

    def who(picture: bytes) -> str:
        cache.clear()
        response = look(picture)
        if response.status_code != 200:
            return response.json()["code"]
        name = User.objects.get(pk=client.session[SESSION_KEY]).username
        client.logout()
        return name

    return who


def probe(name: str) -> bytes:
    return (DEMO / "probes" / f"{name}.jpg").read_bytes()


def changed(picture: bytes, change) -> bytes:
    return encode_jpeg(np.ascontiguousarray(change(decode(picture)), np.uint8))


def test_everybody_opens_their_own_account_and_nobody_elses(demo_accounts, who):
    answers = {name: who(probe(name)) for name in ENROLLED}
    wrong = {n: a for n, a in answers.items() if a != n.lower()}
    assert set(wrong.values()) <= {
        "not_recognised"
    }  # a false rejection is allowed now and then, a false match is not
    assert len(wrong) <= 1, wrong
    assert Decision.objects.filter(kind="login", user=None).count() == len(wrong)


def test_strangers_open_nothing(demo_accounts, who):
    strangers = sorted((DEMO / "probes" / "strangers").iterdir())
    assert len(strangers) == 10
    assert {who(path.read_bytes()) for path in strangers} <= {"not_recognised"}


def test_demo_people_without_an_account_open_nothing(demo_accounts, who):
    assert {who(probe(name)) for name in ("P015", "P016", "P017")} == {"not_recognised"}


def test_groups_open_nothing(demo_accounts, who):
    groups = sorted((DEMO / "groups").iterdir())
    assert groups
    assert {who(path.read_bytes()) for path in groups} == {"several_people"}


def test_a_wall(demo_accounts, who):
    noise = np.random.default_rng(1).integers(90, 160, (480, 640, 3), np.uint8)
    assert who(encode_jpeg(noise)) == "no_face"


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (lambda image: image * 0.04, {"too_dark", "no_face"}),
        (lambda image: cv2.GaussianBlur(image, (0, 0), 14), {"too_blurred", "no_face"}),
        (lambda image: cv2.resize(image, (96, 96)), {"too_small", "no_face"}),
    ],
    ids=["dark", "blurred", "far away"],
)
def test_bad_pictures_of_an_enrolled_person_get_advice(demo_accounts, who, change, codes):
    assert who(changed(probe("P001"), change)) in codes
