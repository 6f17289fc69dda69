from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from recognition.engine.views import PADDING
from recognition.training.labels import Labels, Picture
from recognition.training.scenes import SceneStrength, cut, scene

SIDE = 128


def marked(folder: Path, number: int) -> Picture:
    """A dark picture with a bright rectangle, which is the face."""
    image = np.zeros((150, 200, 3), np.uint8)
    left, top = 40 + 10 * number, 30
    image[top : top + 60, left : left + 50] = 250
    path = folder / f"{number}.png"
    PIL.Image.fromarray(image).save(path)
    box = np.array([[left, top, left + 50, top + 60]], np.float32)
    points = np.array([[[10, 20], [40, 20], [25, 35], [15, 50], [35, 50]]], np.float32) + box[0, :2]
    return Picture(path, (200, 150), Labels(box, points))


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_labels_stay_on_their_faces(tmp_path: Path, mosaic: float, flip: float) -> None:
    pictures = [marked(tmp_path, number) for number in range(4)]
    strength = SceneStrength(mosaic=mosaic, flip=flip, colour=0.0)
    seen = 0
    for seed in range(12):
        image, labels = scene(pictures[0], pictures[1:], SIDE, np.random.default_rng(seed), strength)
        assert (image.shape, image.dtype) == ((SIDE, SIDE, 3), np.uint8)
        assert ((labels.boxes >= 0) & (labels.boxes <= SIDE)).all()
        for left, top, right, bottom in labels.boxes + np.array([2, 2, -2, -2]):
            inside = image[int(top) : int(bottom), int(left) : int(right)]
            assert inside.size == 0 or inside.mean() > 220
        for points in labels.points:
            known = points[~np.isnan(points).any(1)].astype(int).clip(0, SIDE - 1)
            assert (image[known[:, 1], known[:, 0], 0] > 150).all()
            if len(known) == 5:
                assert points[0, 0] < points[1, 0]  # left stays left
        seen += len(labels)
    assert seen >= 12 * (3 if mosaic else 1) * 0.6


def test_the_ground_is_that_of_the_letterbox(tmp_path: Path) -> None:
    strength = SceneStrength(mosaic=0, flip=0, scale=0.0, colour=0)
    image, labels = scene(marked(tmp_path, 0), [], SIDE, np.random.default_rng(0), strength)
    rows = (image == PADDING).all((1, 2))
    assert rows.sum() == SIDE - 96  # 150 of 200 at 128 are 96
    np.testing.assert_allclose(labels.boxes[0, 2:] - labels.boxes[0, :2], [32, 38.4], atol=0.1)


def test_colour_changes_no_labels(tmp_path: Path) -> None:
    picture = marked(tmp_path, 0)
    plain, changed = (
        scene(picture, [], SIDE, np.random.default_rng(1), SceneStrength(mosaic=0, colour=colour))
        for colour in (0.0, 0.3)
    )
    np.testing.assert_array_equal(plain[1].boxes, changed[1].boxes)
    assert (plain[0] != changed[0]).any()


def test_faces_of_which_little_is_left_are_no_targets() -> None:
    boxes = np.array([[0, 0, 20, 20], [-15, 0, 5, 20], [-10, 0, 10, 20], [200, 0, 220, 20]], np.float32)
    points = np.tile(np.array([[-1, 5]], np.float32), (4, 5, 1))
    points[0] = 5
    found = cut(Labels(boxes, points), (0, 0, 100, 100))
    np.testing.assert_array_equal(found.boxes, [[0, 0, 20, 20], [0, 0, 10, 20]])
    assert not np.isnan(found.points[0]).any()
    assert np.isnan(found.points[1]).all()


def test_a_picture_that_has_gone_is_grey_without_faces(tmp_path: Path) -> None:
    picture = marked(tmp_path, 0)
    picture.path.unlink()
    image, labels = scene(picture, [], SIDE, np.random.default_rng(0), SceneStrength(colour=0.0))
    assert (image == PADDING).all()
    assert len(labels) == 0
