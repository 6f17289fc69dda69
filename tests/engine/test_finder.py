from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recognition.engine.finder import CLOSE_UP, CLOSER, TURNED, WHOLE, Finder, likeliest, merge
from recognition.engine.inspector import Inspector
from recognition.engine.refiner import Refiner
from recognition.engine.types import Face, Image, Inspection
from recognition.engine.views import View


def face(*box: float, score: float = 0.9, faceness: float | None = 4.5) -> Face:
    return Face(box, score, np.zeros((5, 2), np.float32), faceness)  # type: ignore[arg-type]


class FakeDetector:
    """Sees in each view of any picture the given faces, and notes the views."""

    batches = False

    def __init__(self, seen: dict[View, Sequence[Face]]) -> None:
        self.seen = seen
        self.views: list[View] = []

    def look(self, image: Image, view: View) -> list[Face]:
        self.views.append(view)
        return list(self.seen.get(view, []))


def find(
    picture: tuple[int, int], seen: dict[View, Sequence[Face]], **how: Any
) -> tuple[list[Face], list[View]]:
    detector = FakeDetector(seen)
    faces = Finder(detector, Refiner(None), Inspector(None)).find(np.zeros((*picture, 3), np.uint8), **how)  # type: ignore[arg-type]
    return faces, detector.views


SUBJECT = face(200, 100, 420, 360)
SMALL_ONE = face(600, 100, 660, 170)


def test_a_portrait_costs_one_view_and_a_group_two() -> None:
    assert find((800, 1000), {WHOLE: [SUBJECT]}) == ([SUBJECT], [WHOLE])
    another = face(100, 100, 150, 160, score=0.8)
    faces, views = find((800, 1000), {WHOLE: [SMALL_ONE], CLOSER: [SMALL_ONE, another]})
    assert views == [WHOLE, CLOSER]
    assert faces == [SMALL_ONE, another]


def test_where_nothing_is_found_a_margin_is_tried_before_the_closer_look() -> None:
    filling = face(-20, -30, 1010, 790)
    assert find((800, 1000), {CLOSE_UP: [filling]}) == ([filling], [WHOLE, CLOSE_UP])
    assert find((800, 1000), {CLOSER: [SMALL_ONE]}) == ([SMALL_ONE], [WHOLE, CLOSE_UP, CLOSER])


def test_a_doubtful_large_face_gets_a_second_opinion() -> None:
    part, filling = face(250, 150, 800, 700, score=0.5, faceness=2.5), face(-20, -30, 1010, 790, score=0.6)
    assert find((800, 1000), {WHOLE: [part], CLOSE_UP: [filling]}) == ([filling], [WHOLE, CLOSE_UP])
    assert find((800, 1000), {WHOLE: [part]}) == ([part], [WHOLE, CLOSE_UP, *TURNED])
    unrefined = [replace(one, faceness=None) for one in (part, filling)]
    assert find((800, 1000), {WHOLE: unrefined[:1], CLOSE_UP: unrefined[1:]})[0] == unrefined[1:]


WRONG = Inspection(0.02, 0.1, 0.1)
RIGHT = Inspection(0.98, 0.1, 0.1)


@pytest.mark.parametrize("upright", [[], [replace(SUBJECT, inspection=WRONG)]])
def test_without_a_face_that_is_well_aligned_the_picture_is_turned(upright: list[Face]) -> None:
    stood = replace(face(250, 90, 480, 350), turn=270.0, inspection=RIGHT)
    faces, views = find((800, 1000), {WHOLE: upright, TURNED[1]: [stood]})
    assert faces == [stood]
    assert views[-2:] == list(TURNED[:2])


@pytest.mark.parametrize("doubt", [{"score": 0.4}, {"faceness": 2.5}, {"inspection": WRONG}])
def test_what_a_turned_view_shows_has_to_be_clear(doubt: dict[str, Any]) -> None:
    upside_down = replace(SUBJECT, inspection=WRONG)
    doubtful = replace(replace(face(250, 90, 480, 350), turn=90.0, inspection=RIGHT), **doubt)
    faces, views = find((800, 1000), {WHOLE: [upside_down], TURNED[0]: [doubtful]})
    assert faces == [upside_down]
    assert views == [WHOLE, CLOSE_UP, *TURNED]


def test_a_doubtful_face_gives_way_to_a_likelier_one_that_leans() -> None:
    doubtful = replace(SUBJECT, faceness=3.0, inspection=RIGHT)
    leaning = replace(face(210, 90, 430, 350, faceness=4.1), turn=45.0, inspection=RIGHT)
    assert find((800, 1000), {WHOLE: [doubtful], TURNED[3]: [leaning]})[0] == [leaning]
    elsewhere = replace(face(500, 400, 600, 500, faceness=4.1), turn=45.0, inspection=RIGHT)
    faces = find((800, 1000), {WHOLE: [doubtful], TURNED[3]: [elsewhere]})[0]
    assert sorted(faces, key=lambda one: one.box) == [doubtful, elsewhere]


@pytest.mark.parametrize(
    ("faceness", "aligned", "stays"), [(2.5, 0.1, False), (2.5, 0.4, True), (3.6, 0.1, True)]
)
def test_what_is_doubtful_in_every_way_is_no_face(faceness: float, aligned: float, stays: bool) -> None:
    doubtful = replace(SUBJECT, faceness=faceness, inspection=Inspection(aligned, 0, 0))
    assert find((800, 1000), {WHOLE: [doubtful]})[0] == ([doubtful] if stays else [])


def test_one_face_that_stands_upright_is_enough() -> None:
    seen = [replace(SUBJECT, inspection=RIGHT), replace(SMALL_ONE, inspection=WRONG)]
    assert find((800, 1000), {WHOLE: seen}) == (seen, [WHOLE])


def test_a_picture_without_a_face_costs_so_many_views_and_no_more() -> None:
    assert find((800, 1000), {})[1] == [WHOLE, CLOSE_UP, CLOSER, *TURNED]
    assert len(TURNED) == 5


@pytest.mark.parametrize(
    "doubtful", [{"score": 0.45}, {"faceness": 2.9}, {"score": 0.49, "faceness": None}, {"small": True}]
)
def test_what_only_a_second_look_shows_has_to_be_clear(doubtful: dict[str, Any]) -> None:
    box = (300, 300, 400, 400) if doubtful.pop("small", False) else (100, 100, 900, 700)
    assert find((800, 1000), {CLOSE_UP: [face(*box, **doubtful)]}) == (
        [],
        [WHOLE, CLOSE_UP, CLOSER, *TURNED],
    )


@pytest.mark.parametrize(("min_face", "closer"), [(200, False), (149, True), (20, True)])
def test_the_smallest_face_wanted_decides(min_face: float, closer: bool) -> None:
    views = find((800, 1000), {WHOLE: [SUBJECT]}, min_face=min_face)[1]
    assert views == ([WHOLE, CLOSER] if closer else [WHOLE])


def test_parts_of_a_large_face_seen_by_the_closer_look_are_dropped() -> None:
    whole, part, other = face(100, 100, 600, 700), face(150, 150, 400, 450), face(800, 50, 850, 110)
    faces, _ = find((800, 1000), {WHOLE: [whole], CLOSER: [part, other]}, min_face=30)
    assert faces == [whole, other]


def test_the_refiner_looks_at_each_view_and_times_are_taken() -> None:
    class FakeRefiner(Refiner):
        def refine(self, image: Image, faces: Sequence[Face]) -> list[Face]:
            return [replace(one, faceness=5.0) for one in faces if one.score > 0.5]

    steps: list[str] = []

    @contextmanager
    def step(name: str) -> Any:
        steps.append(name)
        yield

    detector = FakeDetector({WHOLE: [face(100, 100, 600, 700, score=0.4)], CLOSE_UP: [SUBJECT]})
    faces = Finder(detector, FakeRefiner(None), Inspector(None)).find(
        np.zeros((800, 1000, 3), np.uint8), step=step
    )  # type: ignore[arg-type]
    assert [one.faceness for one in faces] == [5.0]
    assert steps == ["detect", "refine", "inspect"] * 2


class FakeBatchDetector(FakeDetector):
    """The picture's first pixel says which of several detectors looks at it."""

    batches = True

    def __init__(self, *each: dict[View, Sequence[Face]]) -> None:
        self.each = [FakeDetector(seen) for seen in each]
        self.runs: list[tuple[View, list[int]]] = []

    def look_many(self, images: Sequence[Image], view: View) -> list[list[Face]]:
        numbers = [int(image[0, 0, 0]) for image in images]
        self.runs.append((view, numbers))
        return [self.each[n].look(image, view) for n, image in zip(numbers, images, strict=True)]


def test_many_pictures_in_one_run_for_each_view() -> None:
    seen: list[dict[View, Sequence[Face]]] = [
        {WHOLE: [SUBJECT]},
        {WHOLE: [SMALL_ONE], CLOSER: [SMALL_ONE, face(100, 100, 150, 160)]},
        {CLOSER: [SMALL_ONE]},
        {CLOSE_UP: [SUBJECT]},
        {},
    ]
    detector = FakeBatchDetector(*seen)
    images = [np.full((800, 1000, 3), number, np.uint8) for number in range(len(seen))]
    finder = Finder(detector, Refiner(None), Inspector(None))  # type: ignore[arg-type]
    found = finder.find_many(images)
    assert detector.runs[0] == (WHOLE, [0, 1, 2, 3, 4])
    assert (CLOSE_UP, [2, 3, 4]) in detector.runs
    assert sorted(n for view, numbers in detector.runs if view == CLOSER for n in numbers) == [1, 2, 4]
    assert found == [find((800, 1000), one)[0] for one in seen]
    assert finder.find_many([]) == []


def test_merge_prefers_earlier_groups_and_orders_by_score() -> None:
    first, same, other = (
        face(0, 0, 100, 100, score=0.5),
        face(5, 0, 95, 90, score=0.9),
        face(300, 0, 350, 50, score=0.7),
    )
    assert merge([first], [same, other]) == [other, first]
    assert merge([same, other], [first]) == [same, other]
    assert merge([], []) == []


def test_of_two_that_cover_one_another_the_likelier_stays() -> None:
    likely, sharp = face(0, 0, 100, 100, score=0.5, faceness=4.8), face(5, 0, 95, 90, faceness=2.0)
    assert likeliest([sharp], [likely]) == likeliest([likely], [sharp]) == [likely]
