from __future__ import annotations

import cv2
import numpy as np
import pytest

from recognition.engine.alignment import TEMPLATE, align, similarity
from recognition.engine.types import Floats, Image


def moved(points: Floats, *, scale: float, turn: float, shift: tuple[float, float]) -> Floats:
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (scale * points @ rotation.T + shift).astype(np.float32)


@pytest.mark.parametrize("scale", [0.3, 1.0, 9.0])
@pytest.mark.parametrize("turn", [-170.0, -30.0, 0.0, 90.0])
def test_recovers_turn_scale_and_shift(scale: float, turn: float) -> None:
    source = moved(TEMPLATE, scale=scale, turn=turn, shift=(40, -7))
    matrix = similarity(source, TEMPLATE)
    assert np.allclose(source @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=1e-3)


def test_is_the_least_squares_solution() -> None:
    random = np.random.default_rng(5)
    source = TEMPLATE * 2 + random.normal(0, 6, (5, 2)).astype(np.float32)
    matrix = similarity(source, TEMPLATE)
    # a, b, x, y of [[a, -b, x], [b, a, y]] by the normal equations
    x, y = source.T.astype(float)
    one, zero = np.ones(5), np.zeros(5)
    equations = np.concatenate([np.column_stack([x, -y, one, zero]), np.column_stack([y, x, zero, one])])
    a, b, *shift = np.linalg.lstsq(equations, TEMPLATE.T.reshape(-1), rcond=None)[0]
    assert np.allclose(matrix, [[a, -b, shift[0]], [b, a, shift[1]]], atol=1e-4)


def test_landmarks_in_one_point_give_a_crop_and_no_error() -> None:
    assert align(np.zeros((50, 50, 3), np.uint8), np.full((5, 2), 20, np.float32)).shape == (112, 112, 3)


@pytest.mark.parametrize("shift", [(-5000, 0), (0, 5000), (3e6, 3e6)])
def test_landmarks_outside_the_picture_give_a_crop_and_no_error(shift: tuple[float, float]) -> None:
    for scale in (0.5, 8.0):
        landmarks = moved(TEMPLATE, scale=scale, turn=0, shift=shift)
        assert align(np.full((50, 50, 3), 200, np.uint8), landmarks).shape == (112, 112, 3)


def dotted(side: int, landmarks: Floats, radius: int) -> Image:
    image = np.zeros((side, side, 3), np.uint8)
    for x, y in landmarks:
        cv2.circle(
            image,
            (round(float(x) * 16), round(float(y) * 16)),
            radius * 16,
            (255, 255, 255),
            -1,
            cv2.LINE_AA,
            4,
        )
    return image


@pytest.mark.parametrize("scale", [0.8, 1.0, 1.2, 1.5, 3.0, 7.7])
@pytest.mark.parametrize("turn", [0.0, 25.0])
@pytest.mark.parametrize("size", [112, 64])
def test_the_landmarks_arrive_at_the_template(scale: float, turn: float, size: int) -> None:
    landmarks = moved(TEMPLATE, scale=scale, turn=turn, shift=(70, 60))
    crop = align(dotted(1100, landmarks, round(4 * scale)), landmarks, size)
    assert crop.shape == (size, size, 3)
    _, _, _, centres = cv2.connectedComponentsWithStats((crop[:, :, 0] > 100).astype(np.uint8))
    expected = TEMPLATE * (size / 112)
    for point in expected:
        assert np.min(np.linalg.norm(centres[1:] - point, axis=1)) < 0.6


def test_large_faces_are_averaged() -> None:
    random = np.random.default_rng(1)
    image = np.clip(128 + random.normal(0, 40, (900, 900, 3)), 0, 255).astype(np.uint8)
    landmarks = moved(TEMPLATE, scale=7, turn=5, shift=(50, 50))
    assert align(image, landmarks)[20:-20, 20:-20].std() < 12
    assert align(image, moved(TEMPLATE, scale=1, turn=5, shift=(50, 50)))[20:-20, 20:-20].std() > 20


def test_the_same_landmarks_give_the_same_crop() -> None:
    image = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    landmarks = moved(TEMPLATE, scale=2, turn=8, shift=(10, 10))
    assert np.array_equal(align(image, landmarks), align(image, landmarks))


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_the_edge_of_the_picture_makes_no_edge_in_the_crop(scale: float) -> None:
    image = np.full((600, 600, 3), 180, np.uint8)
    for shift in (0.0, -30.0, 560 - 112 * scale):
        crop = align(image, moved(TEMPLATE, scale=scale, turn=3, shift=(shift, shift)))
        assert crop.min() == crop.max() == 180
