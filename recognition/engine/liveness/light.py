"""Does the face answer the colours that the page shows? A film that is played cannot, for it was lit otherwise.

The screen shows one colour after another; the face reflects a little of each, what is further away less. Compared are
the ratios of red, green and blue on the face with those of the room, from frame to frame.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from recognition.engine.liveness.sights import Sight

# What each colour adds to the logarithms of red and blue against green, up to a factor.
COLOURS: dict[str, tuple[float, float]] = {
    "red": (1.0, 0.0),
    "green": (-0.7, -0.7),
    "blue": (0.0, 1.0),
    "yellow": (0.4, -1.0),
    "white": (0.0, 0.0),
}
LENGTH = 6  # colours in a series
CLEAR = 0.012  # how far the colour of a face swings at least when it answers, as logarithm
GIVEN, OTHER_CLEAR = (
    0.6,
    0.02,
)  # least correlation of an answer; swing from which another rhythm is a contradiction
FEWEST = 10  # frames


class Answer(StrEnum):
    """given: the face answers these colours. none: nothing is seen of them, as in a bright room. other: it answers
    others, as a film does."""

    GIVEN = "given"
    NONE = "none"
    OTHER = "other"


def draw_colours(chance: random.Random | None = None) -> tuple[str, ...]:
    """A series in which no colour follows itself."""
    chance = chance or random.SystemRandom()
    series: list[str] = []
    while len(series) < LENGTH:
        colour = chance.choice(list(COLOURS))
        if not series or series[-1] != colour:
            series.append(colour)
    return tuple(series)


def answer_of(sights: Sequence[Sight], shown: Sequence[str]) -> Answer:
    """shown: for each sight the colour on the screen when it was taken; empty where that is not known."""
    pairs = [
        (_chroma(sight), COLOURS[colour])
        for sight, colour in zip(sights, shown, strict=False)
        if colour in COLOURS and sight.face_colour and min(sight.face_colour) > 1
    ]
    if len(pairs) < FEWEST:
        return Answer.NONE
    seen = _steady(np.array([pair[0] for pair in pairs]))
    expected = np.array([pair[1] for pair in pairs])
    expected = expected - expected.mean(axis=0)
    swing = float(np.sqrt((seen**2).sum(axis=1).mean()))
    scale = np.sqrt((seen**2).sum() * (expected**2).sum())
    likeness = float((seen * expected).sum() / scale) if scale > 0 else 0.0
    if swing >= CLEAR and likeness >= GIVEN:
        return Answer.GIVEN
    if swing >= OTHER_CLEAR and likeness < GIVEN / 2:
        return Answer.OTHER
    return Answer.NONE


def _chroma(sight: Sight) -> tuple[float, float]:
    """Logarithms of red and blue against green on the face, less those of the room: a camera's white balance goes."""
    red, green, blue = (np.log(max(v, 1.0)) for v in sight.face_colour)
    found = np.array([red - green, blue - green])
    if sight.room_colour and min(sight.room_colour) > 8:
        red, green, blue = (np.log(v) for v in sight.room_colour)
        found = found - np.array([red - green, blue - green]) / 2
    return float(found[0]), float(found[1])


def _steady(seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without the mean and a slow drift."""
    time = np.linspace(-1, 1, len(seen))
    line = np.stack([np.ones_like(time), time], axis=1)
    return np.asarray(seen - line @ np.linalg.lstsq(line, seen, rcond=None)[0])
