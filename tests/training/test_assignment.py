from __future__ import annotations

import numpy as np
import pytest

from recognition.engine.detector import ANCHORS
from recognition.training.assignment import STRIDES, UNKNOWN, targets_of
from recognition.training.labels import NONE, Labels

SIDE = 320


def face(x: float, y: float, width: float, height: float) -> Labels:
    box = np.array([[x - width / 2, y - height / 2, x + width / 2, y + height / 2]], np.float32)
    points = np.full((1, 5, 2), np.nan, np.float32)
    points[0, 2] = x, y
    return Labels(box, points)


def answering(labels: Labels) -> dict[int, set[tuple[int, int, int]]]:
    """Stride -> (column, row, anchor) of what has to answer."""
    found = {}
    for stride, head in zip(STRIDES, targets_of(labels, SIDE), strict=True):
        assert head.shape == (SIDE // stride, SIDE // stride, 48)
        rows, columns, anchors = np.nonzero(head.reshape(*head.shape[:2], 3, 16)[..., 0])
        found[stride] = set(zip(columns.tolist(), rows.tolist(), anchors.tolist(), strict=True))
    return found


def test_nothing_answers_for_an_empty_picture() -> None:
    assert answering(NONE) == {8: set(), 16: set(), 32: set()}


def test_cell_and_nearest_neighbours_of_the_anchors_that_fit() -> None:
    found = answering(face(100, 70, 40, 50))
    # 40x50 is within four times of (13, 16), (23, 29), (43, 55) and (73, 105), and of (146, 217) not: 50 * 4 < 217.
    assert found[8] == {(12, 8, 2), (13, 8, 2), (12, 9, 2)}  # 12.5, 8.75
    assert {anchor for _, _, anchor in found[16]} == {0, 1, 2}
    assert {(x, y) for x, y, _ in found[16]} == {(6, 4), (5, 4), (6, 3)}  # 6.25, 4.375
    assert found[32] == set()


def test_targets_are_in_pixels_and_say_what_is_not_known() -> None:
    head = targets_of(face(100, 70, 40, 50), SIDE)[1].reshape(20, 20, 3, 16)
    row = head[4, 6, 1]
    np.testing.assert_allclose(row[:5], [1, 100, 70, 40, 50])
    np.testing.assert_allclose(row[9:11], [100, 70])
    assert (np.delete(row[5:15], [4, 5]) == UNKNOWN).all()


def test_neighbours_outside_the_picture_are_left_out() -> None:
    assert {(x, y) for x, y, _ in answering(face(2, 318, 30, 30))[16]} == {(0, 19)}


def test_of_two_faces_the_one_that_fits_better_is_answered_for() -> None:
    fitting, other = face(104, 72, 43, 55), face(104, 72, 20, 110)
    both = Labels(
        np.concatenate([fitting.boxes, other.boxes]), np.concatenate([fitting.points, other.points])
    )
    turned = Labels(both.boxes[::-1], both.points[::-1])
    for labels in (both, turned):
        assert targets_of(labels, SIDE)[1].reshape(20, 20, 3, 16)[4, 6, 1, 3] == pytest.approx(43)


def test_strides_are_those_of_the_detector() -> None:
    assert STRIDES == tuple(ANCHORS) == (8, 16, 32)
