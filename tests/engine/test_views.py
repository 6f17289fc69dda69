from __future__ import annotations

import cv2
import numpy as np
import pytest

from recognition.engine.types import Face
from recognition.engine.views import PADDING, View, draw, face_turned_back, quarters, rotation, turned_back

TURNS = [0, 90, 180, 270, 45, -45]


def spotted(width: int, height: int, x: int, y: int) -> np.ndarray:
    """A black picture with a white spot."""
    image = np.zeros((height, width, 3), np.uint8)
    cv2.circle(image, (x, y), 12, (255, 255, 255), -1)
    return image


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("margin", [0.0, 0.03, 0.75])
@pytest.mark.parametrize("size", [(640, 480), (300, 900), (200, 150)])
def test_what_is_seen_is_found_back_in_the_picture(size: tuple[int, int], margin: float, turn: int) -> None:
    x, y = size[0] // 3, size[1] // 4
    drawn = draw(spotted(*size, x, y), View(320, margin, turn))
    assert drawn.canvas.shape == (320, 320, 3)
    rows, columns = np.nonzero(drawn.canvas[..., 0] > 200)
    seen = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    back = drawn.matrix[:, :2] @ seen + drawn.matrix[:, 2]
    pixel = max(1.0, float(np.hypot(drawn.matrix[0, 0], drawn.matrix[1, 0])))
    assert np.abs(back - [x + 0.5, y + 0.5]).max() < 0.75 * pixel


@pytest.mark.parametrize("turn", TURNS)
def test_a_head_that_leans_stands_upright_in_the_view(turn: int) -> None:
    """Two eyes on a line that is turned clockwise by so much lie on a level line, the left one on the left."""
    middle, half = np.array([300, 300]), 80
    left, right = (middle + rotation(turn) @ [side * half, 0] for side in (-1, 1))
    image = np.zeros((600, 600, 3), np.uint8)
    cv2.circle(image, tuple(left.round().astype(int).tolist()), 14, (255, 0, 0), -1)
    cv2.circle(image, tuple(right.round().astype(int).tolist()), 14, (0, 255, 0), -1)
    canvas = draw(image, View(320, turn=turn)).canvas.astype(int)
    red = np.argwhere((canvas[..., 0] > 200) & (canvas[..., 1] < 60)).mean(0)
    green = np.argwhere((canvas[..., 1] > 200) & (canvas[..., 0] < 60)).mean(0)
    assert abs(red[0] - green[0]) < 2
    assert green[1] - red[1] > 30


def test_the_margin_is_grey_and_so_is_the_rest() -> None:
    canvas = draw(np.full((100, 200, 3), 9, np.uint8), View(300, margin=0.25)).canvas
    assert np.all(canvas[50:150, 50:250] == 9)
    canvas[50:150, 50:250] = PADDING
    assert np.all(canvas == PADDING)


@pytest.mark.parametrize(("turn", "sides"), [(0, (40, 60)), (90, (60, 40)), (180, (40, 60)), (45, (50, 50))])
def test_a_box_stays_upright_and_where_it_was(turn: int, sides: tuple[int, int]) -> None:
    drawn = draw(np.zeros((320, 320, 3), np.uint8), View(320, turn=turn))
    face = drawn.in_picture(Face((140.0, 130.0, 180.0, 190.0), 0.9, np.full((5, 2), 160, np.float32)))
    scale = float(np.hypot(drawn.matrix[0, 0], drawn.matrix[1, 0]))
    assert (face.width, face.height) == pytest.approx([side * scale for side in sides], abs=1e-3)
    assert np.allclose(face.landmarks, 160, atol=0.5 * scale)  # the square has whole pixels
    assert face.turn == turn


@pytest.mark.parametrize(("turn", "count"), [(0, 0), (90, 1), (180, 2), (270, 3), (45, 0), (315, 0)])
def test_a_picture_is_set_upright_by_quarters(turn: float, count: int) -> None:
    assert quarters(turn) == count


@pytest.mark.parametrize("count", range(4))
def test_faces_stay_on_their_pixels_when_the_picture_is_turned_back(count: int) -> None:
    image = spotted(300, 200, 80, 60)
    face = Face((60.0, 45.0, 100.0, 75.0), 0.9, np.full((5, 2), (80, 60), np.float32), turn=90.0 * count)
    upright = turned_back(image, count)
    moved = face_turned_back(face, count, 300, 200)
    rows, columns = np.nonzero(upright[..., 0] > 200)
    assert np.allclose(moved.landmarks, [columns.mean(), rows.mean()], atol=0.1)
    assert (moved.box[0] + moved.box[2]) / 2 == pytest.approx(columns.mean() + 0.5, abs=1)
    assert (moved.box[1] + moved.box[3]) / 2 == pytest.approx(rows.mean() + 0.5, abs=1)
    assert (moved.width, moved.height) == ((40, 30) if count % 2 == 0 else (30, 40))
    assert moved.turn == 0
