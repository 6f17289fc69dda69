"""Does the face answer the colours?"""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from recognition.engine.liveness.light import COLOURS, Answer, answer_of, draw_colours
from recognition.engine.liveness.sights import Sight

TINTS = {
    "red": (1, 0.3, 0.3),
    "green": (0.3, 1, 0.3),
    "blue": (0.3, 0.3, 1),
    "yellow": (1, 1, 0.3),
    "white": (1, 1, 1),
}
SERIES = ("red", "blue", "green", "yellow", "blue", "red", "white", "green")


def sights(
    shining: tuple[str, ...], *, glow: float, drift: float = 0.0, noise: float = 0.002, each: int = 5
) -> list[Sight]:
    """A face before a screen that shows these colours, five frames each."""
    chance = np.random.default_rng(1)
    found = []
    for number in range(each * len(shining)):
        tint = np.array(TINTS[shining[number // each]])
        face = np.array([150.0, 115, 95]) * (1 + glow * (tint - 0.6)) * (1 + chance.normal(0, noise, 3))
        face = face * (1 + drift * number / 40 * np.array([1, 0, -1]))
        found.append(Sight(number / 8, faces=1, face_colour=tuple(face), room_colour=(90.0, 90.0, 90.0)))
    return found


def labels(series: tuple[str, ...], each: int = 5) -> list[str]:
    return [colour for colour in series for _ in range(each)]


@pytest.mark.parametrize("glow", [0.04, 0.1, 0.3])
def test_a_face_before_the_screen_answers(glow):
    assert answer_of(sights(SERIES, glow=glow), labels(SERIES)) == Answer.GIVEN


def test_a_slow_change_of_the_light_is_no_contradiction():
    assert answer_of(sights(SERIES, glow=0.1, drift=0.2), labels(SERIES)) == Answer.GIVEN
    assert answer_of(sights(SERIES, glow=0.0, drift=0.2), labels(SERIES)) == Answer.NONE


def test_a_film_lit_by_other_colours_contradicts():
    other = SERIES[3:] + SERIES[:3]
    assert answer_of(sights(other, glow=0.15), labels(SERIES)) == Answer.OTHER


def test_a_bright_room_tells_nothing():
    assert answer_of(sights(SERIES, glow=0.003), labels(SERIES)) == Answer.NONE


def test_too_few_frames_tell_nothing():
    assert answer_of(sights(SERIES[:1], glow=0.3), labels(SERIES[:1])) == Answer.NONE
    assert answer_of(sights(SERIES, glow=0.3), [""] * 40) == Answer.NONE
    assert answer_of([], []) == Answer.NONE


def test_a_series_has_no_colour_twice_in_a_row():
    for seed in range(100):
        series = draw_colours(random.Random(seed))
        assert set(series) <= set(COLOURS)
        assert all(a != b for a, b in itertools.pairwise(series))
