"""The networks that are shipped, and people who do not exist: one visitor for each, whichever picture shows them."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from recognition.models import ApiKey, Appearance, Decision, Identity, Visitor
from recognition.services import enrolment, visitors
from recognition.services.recognition import Asker, identify

pytestmark = [pytest.mark.models, pytest.mark.django_db]
DEMO = Path(settings.BASE_DIR) / "demo"
PEOPLE = [f"P{number:03}" for number in range(1, 7)]
LONERS = sorted((DEMO / "probes" / "strangers").glob("*.jpg"))[:4]


@pytest.fixture
def seen(door: ApiKey) -> dict[int, str]:
    """Who was shown, by the number of the event: six people five times, by turns, and four others once."""
    pictures = [(name, DEMO / "people" / name / f"{turn}.jpg") for turn in range(1, 6) for name in PEOPLE]
    shown = {}
    for name, path in [*pictures, *((path.stem, path) for path in LONERS)]:
        identify(path.read_bytes(), asker=Asker(api_key=door))
        shown[Decision.objects.latest("pk").pk] = name
    return shown


def test_each_stranger_is_one_visitor_and_no_two_are_one(seen):
    assert Appearance.objects.count() == len(seen)
    visitors.gather()
    together = [
        {seen[number] for number in visitor.appearances.values_list("decision", flat=True)}
        for visitor in Visitor.objects.all()
    ]
    assert sorted(map(sorted, together)) == sorted([name] for name in {*seen.values()})


def test_named_and_known_from_then_on(seen, door):
    visitors.gather()
    number = next(number for number, name in seen.items() if name == "P002")
    person = visitors.enrol_visitor(Appearance.objects.get(decision=number).visitor, name="Person 002")
    enrolment.process_photos(list(person.photos.values_list("pk", flat=True)))
    assert person.photos.filter(state="ready").count() == 5
    probe = (DEMO / "probes" / "P002.jpg").read_bytes()
    assert identify(probe, asker=Asker(api_key=door)).faces[0].identity == Identity.objects.get()
    assert Visitor.objects.count() == 9
