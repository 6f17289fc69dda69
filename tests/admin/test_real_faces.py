"""Enrolment and recognition in the admin with the real networks and the demo photographs."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from recognition.models import Identity
from recognition.services.enrolment import photos
from tests.admin.conftest import file, person_page

pytestmark = pytest.mark.models

DEMO = Path(settings.BASE_DIR) / "demo"
GROUP = DEMO / "groups" / "P012+P006+P010+P020.jpg"


def enrol(client, name: str, *pictures: Path) -> Identity:
    files = [file(path.read_bytes(), path.name) for path in pictures]
    client.post("/admin/recognition/identity/add/", {"name": name, "external_id": name, "photos": files})
    identity = Identity.objects.get(external_id=name)
    photos.process_photos([photo.pk for photo in identity.photos.all()])
    return identity


def look(client, path: Path):
    return client.post("/admin/recognition/decision/recognise/", {"picture": file(path.read_bytes())})


@pytest.fixture
def people(owner) -> dict[str, Identity]:
    names = ("P001", "P006", "P010")
    return {name: enrol(owner, name, *sorted((DEMO / "people" / name).iterdir())[:3]) for name in names}


def test_all_demo_photos_become_ready_with_a_box_on_the_face(owner, people):
    for identity in people.values():
        cards = owner.get(person_page(identity)).context["cards"]
        assert [card.photo.state for card in cards] == ["ready"] * 3
        for card in cards:
            box = card.boxes[0]
            assert 0 < box.left < box.left + box.width < card.photo.width
            assert box.width > card.photo.width / 6
            assert card.word in ("Very good", "Good")


def test_neighbours_are_other_people_and_far_away(owner, people):
    found = owner.get(person_page(people["P001"])).context["resemblance"].found
    assert {neighbour.identity for neighbour, _ in found} == {people["P006"], people["P010"]}
    assert all(neighbour.score < 0.7 for neighbour, _ in found)


def test_a_probe_and_a_stranger(owner, people):
    answers = look(owner, DEMO / "probes" / "P001.jpg").context["answers"]
    assert [(a.outcome, a.name) for a in answers] == [("match", "P001")]
    answers = look(owner, DEMO / "probes" / "strangers" / "P021.jpg").context["answers"]
    assert [(a.outcome, a.name) for a in answers] == [("no match", "")]


def test_a_group_in_which_two_are_enrolled(owner, people):
    answers = look(owner, GROUP).context["answers"]
    assert len(answers) == 4
    assert sorted(a.name for a in answers) == ["", "", "P006", "P010"]


def test_choosing_the_face_in_a_group(owner, people):
    identity = enrol(owner, "P020", GROUP)
    photo = identity.photos.get()
    assert (photo.state, photo.reason, len(photo.faces)) == ("rejected", "several_faces", 4)
    right = max(range(4), key=lambda i: photo.faces[i]["box"][0])
    owner.post(f"/admin/recognition/photo/{photo.pk}/choose/", {"face": str(right)})
    photos.process_photos([photo.pk])
    answers = look(owner, DEMO / "probes" / "P020.jpg").context["answers"]
    assert [(a.outcome, a.name) for a in answers] == [("match", "P020")]
