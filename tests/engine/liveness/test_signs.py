"""What a screen or a print leaves on a frame."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from recognition.engine.liveness.signs import SIDE, shown_by, signs_of
from recognition.engine.types import Face

FACE = Face(
    (240.0, 140.0, 400.0, 340.0),
    0.9,
    np.array([(285, 210), (355, 210), (320, 250), (290, 290), (350, 290)], np.float32),
)


def room() -> np.ndarray:
    """Soft light, some noise."""
    rows, columns = np.mgrid[0:480, 0:640].astype(np.float32)
    soft = 120 + 40 * np.sin(columns / 90) + 30 * np.cos(rows / 70)
    noise = np.random.default_rng(2).normal(0, 2.5, (480, 640))
    return np.repeat((soft + noise).clip(0, 255)[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("cycle", [2.7, 3.5, 5.2])
def test_the_grid_of_a_screen(cycle):
    columns = np.mgrid[0:480, 0:640][1]
    shown = (
        room() * (1 + 0.12 * np.cos(2 * np.pi * columns / cycle + 0.3 * np.mgrid[0:480, 0:640][0]))[..., None]
    )
    signs = signs_of(shown.clip(0, 255).astype(np.uint8), FACE)
    assert shown_by([signs]) == "grid"


def test_the_border_of_paper():
    held = room()
    held[90:400, 215:425] = (held[90:400, 215:425] // 2) + 120
    signs = signs_of(held, FACE)
    assert signs["border"] >= 2
    assert shown_by([signs]) == "border"


def test_a_plain_room_has_neither():
    signs = signs_of(room(), FACE)
    assert signs["border"] == 0
    assert shown_by([signs]) == ""


def test_one_frame_among_many_is_no_sign():
    shown, plain = {"grid": 9.0, "border": 0.0}, {"grid": 1.2, "border": 0.0}
    assert shown_by([shown, plain, plain]) == ""
    assert shown_by([shown, shown, plain]) == "grid"
    assert shown_by([]) == ""


@pytest.mark.parametrize("side", [20, 60, SIDE - 1])
def test_small_pictures(side):
    small = cv2.resize(room(), (side, side))
    face = Face((2.0, 2.0, side - 2.0, side - 2.0), 0.9, FACE.landmarks * side / 480)
    assert shown_by([signs_of(small, face)]) == ""


def test_the_people_of_the_demo_show_none(request):
    """Their photographs are as cameras take them; the box is where their faces are."""
    for path in sorted((Path(request.config.rootpath) / "demo" / "people").glob("*/1.jpg")):
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        middle = Face((150.0, 120.0, 330.0, 360.0), 0.9, FACE.landmarks - (80, 20))
        assert shown_by([signs_of(picture, middle)]) == "", path
