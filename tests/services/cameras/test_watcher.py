"""Faces of a film: followed, decided once each, and which frames are looked at."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from django.db import OperationalError

from recognition.engine.types import Image
from recognition.models import Camera, Decision, ProbePicture
from recognition.services.cameras import Label, Seen, Watcher, save_camera
from recognition.services.cameras import watcher as module
from recognition.services.recognition import picture_of
from tests.films import frame

pytestmark = pytest.mark.django_db

FRAME = 0.1  # seconds


def play(watcher: Watcher, frames: Iterable[Image], start: float = 0.0) -> list[list[Label]]:
    return [watcher.look(image, start + step * FRAME) for step, image in enumerate(frames)]


def walk(person: int, frames: int, *, step: int = 6, **how: object) -> list[Image]:
    return [frame((person, 40 + step * n), variant=n % 3, **how) for n in range(frames)]


@pytest.fixture
def seen() -> list[Seen]:
    return []


@pytest.fixture
def watcher(seen) -> Watcher:
    return Watcher(on_seen=seen.append)


def texts(labels: list[Label]) -> list[tuple[str, str]]:
    return [(label.kind, label.text) for label in labels]


def test_whoever_walks_by_is_one_decision(watcher, seen, enrol):
    enrol(3)
    labels = play(watcher, walk(3, 20))
    watcher.end()
    assert texts(labels[0]) == [("looking", "")]
    assert texts(labels[-1]) == [("match", "Fake Person 3")]
    (one,) = seen
    assert (one.answer.identity.name, one.looks) == ("Fake Person 3", 3)
    decision = Decision.objects.get()
    assert (decision.kind, decision.outcome, decision.identity.name) == ("watch", "match", "Fake Person 3")
    assert one.answer.decision_id == decision.pk


def test_two_people_at_once_are_two(watcher, seen, enrol):
    enrol(3), enrol(7)
    labels = play(watcher, [frame((3, 40 + 4 * n), (7, 400 - 4 * n)) for n in range(15)])
    assert sorted(texts(labels[-1])) == [("match", "Fake Person 3"), ("match", "Fake Person 7")]
    assert Decision.objects.count() == len(seen) == 2


def test_a_stranger_is_decided_when_gone(watcher, seen):
    labels = play(watcher, walk(9, 30))
    assert texts(labels[-1]) == [("no_match", "?")]
    assert seen == []
    assert not Decision.objects.exists()
    play(watcher, [frame()] * 15, start=3.0)
    (one,) = seen
    assert (one.answer.decision, one.answer.reason) == ("no_match", "not_recognised")
    assert Decision.objects.get().outcome == "no_match"


def test_whoever_was_there_for_a_moment_only_is_decided_by_what_there_is(watcher, seen, enrol):
    enrol(3)
    play(watcher, walk(3, 2))
    watcher.end()
    assert [one.looks for one in seen] == [1]
    assert Decision.objects.get().identity.name == "Fake Person 3"


def test_faces_that_are_no_use_are_followed_and_not_decided(watcher, seen, enrol):
    enrol(3)
    labels = play(watcher, walk(3, 12, blurred=True))
    watcher.end()
    assert texts(labels[-1]) == [("looking", "")]
    assert seen == []
    assert not Decision.objects.exists()


def test_who_turns_to_the_camera_later_is_recognised_then(watcher, seen, enrol):
    enrol(3)
    play(watcher, [frame((3, 40), turned=True)] * 5 + walk(3, 10))
    assert [one.answer.identity.name for one in seen] == ["Fake Person 3"]


def test_a_person_who_comes_back_at_once_is_recorded_once(watcher, seen, enrol, monkeypatch):
    enrol(3)
    play(watcher, walk(3, 8) + [frame()] * 15 + walk(3, 8))
    assert len(seen) == 2
    assert Decision.objects.count() == 1
    monkeypatch.setattr(module, "SAME", module.timedelta(0))
    play(watcher, [frame()] * 15 + walk(3, 8), start=5.0)
    assert Decision.objects.count() == 2


def test_nothing_is_kept_where_it_is_not_wished(enrol, seen, settings):
    settings.KEEP_PROBES_DAYS = 1
    enrol(3)
    watcher = Watcher(record=False, on_seen=seen.append)
    play(watcher, walk(3, 8))
    assert len(seen) == 1
    assert not Decision.objects.exists()
    assert not ProbePicture.objects.exists()


def test_the_picture_that_is_kept_shows_the_face_and_little_else(watcher, enrol, settings):
    settings.KEEP_PROBES_DAYS = 1
    enrol(3)
    play(watcher, [frame((3, 40), (9, 450))] * 5)
    watcher.end()
    kept = ProbePicture.objects.get(probe=Decision.objects.get(outcome="match").probe)
    with kept.image.open() as file:
        picture = picture_of(file.read())
    assert picture.width < 360


def test_the_decision_names_the_camera(enrol):
    enrol(3)
    camera = save_camera(Camera(name="gate", source="0"))
    play(Watcher(camera=camera), walk(3, 8))
    assert Decision.objects.get().camera == camera


def test_while_nothing_changes_nothing_is_looked_for(watcher):
    play(watcher, [frame()] * 30)
    assert watcher.looked == 2  # the first, and one two seconds later


def test_whoever_comes_is_noticed_at_once(watcher, enrol):
    enrol(3)
    labels = play(watcher, [frame()] * 5 + walk(3, 3))
    assert [len(found) for found in labels] == [0] * 5 + [1] * 3


def test_light_that_changes_everywhere_is_no_motion(watcher):
    play(watcher, [frame() // 2 + 10 * (n % 2) for n in range(15)])
    assert watcher.looked == 1


def test_a_database_that_does_not_answer_costs_no_decision(watcher, seen, enrol, monkeypatch):
    enrol(3)
    real, failures = module.identify_together, [OperationalError("gone")]

    def sometimes(*args, **how):
        if failures:
            raise failures.pop()
        return real(*args, **how)

    monkeypatch.setattr(module, "identify_together", sometimes)
    play(watcher, walk(3, 25, step=3))
    watcher.end()
    assert Decision.objects.get().identity.name == "Fake Person 3"
