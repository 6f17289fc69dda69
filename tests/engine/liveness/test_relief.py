"""The nose against the plane of the face, by the movement of the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from recognition.engine.liveness.relief import relief


def face() -> np.ndarray:
    """A crop with enough drawing to follow."""
    noise = np.random.default_rng(4).integers(0, 255, (28, 28, 3), dtype=np.uint8)
    return cv2.GaussianBlur(cv2.resize(noise, (112, 112), interpolation=cv2.INTER_CUBIC), (0, 0), 1.5)


def moved(crop: np.ndarray, *, nose: tuple[float, float] = (0, 0)) -> np.ndarray:
    """The nose moved by so many pixels, what is around it following less and less."""
    rows, columns = np.mgrid[0:112, 0:112].astype(np.float32)
    weight = np.exp(-((columns - 56) ** 2 + (rows - 72) ** 2) / (2 * 9.0**2))
    across, down = columns - nose[0] * weight, rows - nose[1] * weight
    return cv2.remap(crop, across.astype(np.float32), down.astype(np.float32), cv2.INTER_LINEAR)


def test_the_same_picture():
    assert np.abs(relief(face(), face())).max() < 0.003


@pytest.mark.parametrize(
    "warp", [[[1, 0.05, 2], [0.02, 0.95, -1], [0, 0, 1]], [[0.95, 0, 3], [0, 1.05, 0], [0.0006, 0, 1]]]
)
def test_a_flat_picture_that_is_tilted(warp):
    tilted = cv2.warpPerspective(
        face(), np.array(warp, np.float32), (112, 112), borderMode=cv2.BORDER_REPLICATE
    )
    assert np.abs(relief(face(), tilted)).max() < 0.012


@pytest.mark.parametrize(
    ("nose", "sign"), [((0, -4), (0, -1)), ((0, 4), (0, 1)), ((4, 0), (1, 0)), ((-4, 0), (-1, 0))]
)
def test_a_nose_that_moves(nose, sign):
    found = np.array(relief(face(), moved(face(), nose=nose)))
    assert (found * sign).sum() > 0.04


def test_nothing_to_follow():
    grey = np.full((112, 112, 3), 128, np.uint8)
    assert relief(grey, face()) == (0.0, 0.0)
    assert relief(face(), grey) == (0.0, 0.0)
