"""What who stands before the enrolment camera is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from django.conf import settings

from recognition.engine.images import encode_jpeg
from recognition.engine.quality import ENROLMENT
from recognition.services.analysis import get_analyzer
from recognition.services.enrolment import guide
from recognition.services.enrolment.guidance import HINTS
from recognition.services.errors import Busy, Invalid
from recognition.services.turns import shared_turns
from tests.fakes import black_jpeg, person_jpeg, person_picture, wall_jpeg

pytestmark = pytest.mark.django_db  # which detector is chosen


def test_a_good_face_is_fit_and_outlined():
    seen = guide(person_jpeg(3, size=160)).as_answer()
    assert (seen["fit"], seen["code"], seen["hint"]) == (True, "", HINTS[""])
    assert (seen["width"], seen["height"]) == (320, 320)
    assert seen["box"] == pytest.approx([80, 80, 240, 240], abs=4)
    assert seen["size"] == pytest.approx(160, abs=8)
    assert seen["word"] == "Very good"
    assert abs(seen["yaw"]) < 10


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (wall_jpeg(), "no_face"),
        (black_jpeg(), "no_light"),
        (person_jpeg(3, 5), "several_faces"),
        (person_jpeg(3, size=48), "too_small"),
        (person_jpeg(3, blurred=True), "too_blurred"),
        (person_jpeg(1, dark=True), "too_dark"),
        (person_jpeg(3, turned=True, size=200), "too_turned"),
    ],
)
def test_one_thing_is_said_at_a_time(picture, code):
    seen = guide(picture)
    assert seen.code == code
    assert HINTS[seen.code]


def test_a_face_at_the_border_is_told_to_come_to_the_middle(monkeypatch):
    """The detector's boxes may reach out of the picture."""
    analyzer = get_analyzer()
    (seen,) = analyzer.find(person_picture(3, size=200), ENROLMENT)
    left, top, right, bottom = seen.face.box
    cut = replace(
        seen,
        face=replace(seen.face, box=(left - 100, top, right, bottom)),
        quality=replace(seen.quality, size=seen.quality.size / 2),
    )
    monkeypatch.setattr(type(analyzer), "find", lambda *_: [cut])
    assert guide(person_jpeg(3, size=200)).code == "cut_off"


@pytest.mark.parametrize("data", [b"", b"no picture", encode_jpeg(np.zeros((8, 8, 3), np.uint8))[:40]])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(Invalid):
        guide(data)


def test_large_frames_are_looked_at_smaller():
    assert guide(encode_jpeg(np.full((1200, 4000, 3), 128, np.uint8))).width == 2000


def test_who_cannot_be_served_in_time_is_told_so(monkeypatch):
    turns = shared_turns()
    monkeypatch.setattr(turns, "_seconds", 0.01)
    taken = [turns._free.acquire(0) for _ in range(settings.RECOGNISE_AT_ONCE)]
    try:
        with pytest.raises(Busy):
            guide(wall_jpeg())
    finally:
        for _ in filter(None, taken):
            turns._free.release()
