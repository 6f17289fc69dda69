"""A head or something flat."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.engine.liveness.depth import parallax
from tests.engine.liveness.heads import points

TURNS = [
    {"yaw": 30},
    {"yaw": -30},
    {"pitch": 30},
    {"pitch": -30},
    {"yaw": 40, "pitch": 20},
    {"near": 1.5},
    {"near": 0.7},
]


@pytest.mark.parametrize("turn", TURNS)
def test_the_nose_of_a_flat_picture_stays_in_its_plane(turn):
    assert np.abs(parallax(points(depth=0), points(**turn, depth=0))).max() < 1e-3


def test_the_nose_of_a_head_moves_out_of_it():
    assert parallax(points(), points(yaw=25))[0] > 0.15
    assert parallax(points(), points(yaw=-25))[0] < -0.15
    assert parallax(points(), points(pitch=25))[1] < -0.1
    assert parallax(points(), points(pitch=-25))[1] > 0.1


def test_a_picture_moved_and_turned_by_hand():
    flat = points(depth=0)
    turn = np.array([[0.9, -0.3], [0.3, 0.9]], np.float32)
    assert np.abs(parallax(flat, flat @ turn.T + 40)).max() < 1e-3


@pytest.mark.parametrize(
    "broken", [np.zeros((5, 2), np.float32), np.ones((5, 2), np.float32) * 7, points()[[1, 0, 2, 4, 3]]]
)
def test_no_face_tells_nothing(broken):
    assert parallax(points(), broken) == (0.0, 0.0)
    assert parallax(broken, points()) == (0.0, 0.0)
