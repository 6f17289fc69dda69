"""A kiosk's day with the networks that are shipped and the demo photos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from tests.api.conftest import NewKiosk
from tests.api.kiosks import Kiosk, error_of, in_base64, upload
from tests.api.pictures import UNUSABLE, USABLE
from tests.fakes import wall_jpeg

pytestmark = pytest.mark.models
DEMO = Path(settings.BASE_DIR) / "demo"
PEOPLE = sorted(path.name for path in (DEMO / "people").iterdir())[:4]


@pytest.fixture
def reception(new_kiosk: NewKiosk, process: Callable[[], None]) -> Kiosk:
    """Four people were enrolled over the API."""
    kiosk = new_kiosk("identify", "verify", "enrol", "read")
    for name in PEOPLE:
        assert kiosk.post("people", name=name, external_id=name).status_code == 201
        files = [upload(path.read_bytes(), path.name) for path in sorted((DEMO / "people" / name).iterdir())]
        assert len(kiosk.post(f"people/{name}/photos", image=files).json()["photos"]) == len(files)
    process()
    for name in PEOPLE:
        assert kiosk.get(f"people/{name}").json()["ready_photos"] >= 1
    return kiosk


def probe(name: str) -> bytes:
    return (DEMO / "probes" / f"{name}.jpg").read_bytes()


def test_knows_the_people(reception: Kiosk) -> None:
    for name in PEOPLE:
        (face,) = reception.post("identify", image=upload(probe(name))).json()["faces"]
        assert face["decision"] == "match"
        assert face["candidates"][0]["external_id"] == name
        assert (
            reception.post("verify", image=upload(probe(name)), external_id=name).json()["decision"]
            == "match"
        )
    events = reception.get("events", outcome="match").json()["results"]
    assert len(events) == 2 * len(PEOPLE)


def test_does_not_know_others(reception: Kiosk) -> None:
    others = [path.stem for path in sorted((DEMO / "probes").iterdir()) if path.stem not in PEOPLE]
    for name in others[:4]:
        (face,) = reception.post_json("identify", {"image": in_base64(probe(name))}).json()["faces"]
        assert face["decision"] == "no_match"
    other = reception.post("verify", image=upload(probe(PEOPLE[0])), external_id=PEOPLE[1]).json()
    assert (other["decision"], other["reason"]) == ("no_match", "not_the_same")


def test_a_group(reception: Kiosk) -> None:
    group = next((DEMO / "groups").glob(f"{'?' * 4}+*.jpg"))
    faces = reception.post("identify", image=upload(group.read_bytes()), top=1).json()["faces"]
    assert len(faces) == len(group.stem.split("+"))


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_pictures(new_kiosk: NewKiosk, name: str) -> None:
    data, status, code = UNUSABLE[name]
    assert error_of(new_kiosk("identify").post("identify", image=upload(data)), status)["code"] == code


@pytest.mark.parametrize("name", USABLE)
def test_pictures_without_a_real_face(new_kiosk: NewKiosk, name: str) -> None:
    assert new_kiosk("identify").post("identify", image=upload(USABLE[name])).json()["faces"] == []


def test_ten_photos_of_a_wall(new_kiosk: NewKiosk, process: Callable[[], None]) -> None:
    kiosk = new_kiosk("enrol", "read")
    kiosk.post("people", name="Wall", external_id="W")
    kiosk.post("people/W/photos", image=[upload(wall_jpeg(v), f"{v}.jpg") for v in range(10)])
    process()
    photos = kiosk.get("people/W/photos").json()["results"]
    assert [(p["state"], p["reason"]) for p in photos] == [("rejected", "no_face")] * 10


def test_status(reception: Kiosk) -> None:
    found = reception.get("status").json()
    assert found["people"] == len(PEOPLE)
    assert found["model"].startswith("ghostfacenet")
