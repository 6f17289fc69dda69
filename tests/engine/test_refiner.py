from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from recognition.engine.refiner import Refiner, crop
from recognition.engine.types import Face, Floats
from recognition.engine.views import rotation


class FakePool:
    """Answers with the place of the brightest pixel of each crop for every landmark, a high logit if it is bright."""

    @contextmanager
    def lease(self) -> Any:
        yield self

    def run(self, batch: Floats) -> list[Floats]:
        assert batch.shape == (1, 64, 64, 3)
        assert batch.dtype == np.float32
        assert batch.min() >= -1
        grey = cv2.GaussianBlur(batch[0, :, :, 0], (0, 0), 1.5)
        y, x = np.unravel_index(np.argmax(grey), grey.shape)
        # Pixel p of the crop has the share p / 64: the convention of the trained network.
        return [np.array([[x / 64, y / 64] * 5 + [50 * (grey.max() + 0.9)]], np.float32)]


def spot(x: int, y: int) -> Any:
    image = np.zeros((500, 600, 3), np.uint8)
    cv2.circle(image, (x, y), 9, (255, 255, 255), -1)
    return image


def face(*box: float) -> Face:
    return Face(box, 0.9, np.zeros((5, 2), np.float32))  # type: ignore[arg-type]


@pytest.mark.parametrize(("x", "y"), [(200, 200), (230, 150), (180, 260)])
@pytest.mark.parametrize("box", [(120, 100, 280, 300), (150, 120, 250, 280), (60, 20, 380, 420)])
def test_landmarks_come_back_in_pixels_of_the_picture(x: int, y: int, box: tuple[float, ...]) -> None:
    refined = Refiner(FakePool()).refine(spot(x, y), [face(*box)])  # type: ignore[arg-type]
    side = 1.3 * max(box[2] - box[0], box[3] - box[1])
    assert np.abs(refined[0].landmarks - [x, y]).max() <= side / 64
    assert refined[0].box == box
    assert refined[0].score == 0.9
    assert refined[0].faceness is not None


class FakeEyes(FakePool):
    """Answers with the places of a red and a green spot as those of the eyes."""

    def __init__(self) -> None:
        self.leans: list[float] = []

    def run(self, batch: Floats) -> list[Floats]:
        def place(channel: int) -> Any:
            grey = cv2.GaussianBlur(batch[0, :, :, channel], (0, 0), 1.5)
            return np.array(np.unravel_index(np.argmax(grey), grey.shape)[::-1]) / 64

        left, right = place(0), place(1)
        across = right - left
        self.leans.append(float(np.degrees(np.arctan2(across[1], across[0]))))
        return [np.array([[*left, *right, *((left + right) / 2), *left, *right, 5.0]], np.float32)]


@pytest.mark.parametrize("view", [0, 90, 180])
@pytest.mark.parametrize("lean", [-60, -30, 5, 45])
def test_a_leaning_head_is_looked_at_again_turned(lean: int, view: int) -> None:
    middle, half = np.array([300, 250]), rotation(lean + view) @ [60, 0]
    image = np.zeros((500, 600, 3), np.uint8)
    for eye, colour in ((middle - half, (255, 0, 0)), (middle + half, (0, 255, 0))):
        cv2.circle(image, tuple(eye.round().astype(int).tolist()), 9, colour, -1)
    pool = FakeEyes()
    there = replace(face(200, 150, 400, 350), turn=float(view))
    (found,) = Refiner(pool).refine(image, [there])  # type: ignore[arg-type]
    assert pool.leans[0] == pytest.approx(lean, abs=4)
    assert abs(pool.leans[-1]) < 6
    assert len(pool.leans) == (2 if abs(lean) > 12 else 1)
    assert np.abs(found.landmarks[:2] - [middle - half, middle + half]).max() < 4
    assert found.turn == view


def test_what_is_no_face_is_dropped_and_the_order_kept() -> None:
    refiner = Refiner(FakePool(), min_faceness=2.0)  # type: ignore[arg-type]
    faces = [face(150, 150, 250, 250), face(400, 300, 500, 400), face(160, 160, 240, 240)]
    refined = refiner.refine(spot(200, 200), faces)
    assert [f.box for f in refined] == [faces[0].box, faces[2].box]
    everything = Refiner(FakePool(), min_faceness=None).refine(spot(200, 200), faces)  # type: ignore[arg-type]
    assert len(everything) == 3
    assert refiner.true_faces(faces) == faces  # not looked at yet
    assert refiner.refine(spot(1, 1), []) == []


def test_without_a_network_faces_stay_as_they_are() -> None:
    faces = [face(150, 150, 250, 250)]
    assert Refiner(None).refine(spot(200, 200), faces) == faces


def test_beyond_the_picture_the_border_is_repeated() -> None:
    image = np.full((100, 100, 3), 50, np.uint8)
    assert np.all(crop(image, face(-80, -80, 20, 20)) == 50)
    assert np.all(crop(image, face(300, 300, 400, 400)) == 50)


@pytest.mark.parametrize("size", [0, 0.5, 1, 63, 64, 5000])
def test_boxes_of_any_size(size: float) -> None:
    image = np.full((100, 100, 3), 50, np.uint8)
    assert crop(image, face(10, 10, 10 + size, 10 + size)).shape == (64, 64, 3)


def test_large_faces_are_averaged() -> None:
    noise = np.random.default_rng(0).normal(128, 40, (800, 800, 3))
    image = np.clip(noise, 0, 255).astype(np.uint8)
    assert crop(image, face(100, 100, 700, 700)).std() < 20 < crop(image, face(100, 100, 140, 140)).std()


class FakeBatchPool(FakePool):
    batches = True

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def run(self, batch: Floats) -> list[Floats]:
        self.sizes.append(len(batch))
        return [np.concatenate([super(FakeBatchPool, self).run(one[None])[0] for one in batch])]


def test_faces_of_many_pictures_in_one_run() -> None:
    pool = FakeBatchPool()
    pictures = [spot(200, 200), spot(10, 10), spot(230, 150)]
    faces = [[face(150, 150, 250, 250), face(400, 300, 500, 400)], [], [face(120, 100, 280, 300)]]
    found = Refiner(pool).refine_many(pictures, faces)  # type: ignore[arg-type]
    assert pool.sizes == [3]
    plain = Refiner(FakePool())  # type: ignore[arg-type]
    expected = [plain.refine(picture, some) for picture, some in zip(pictures, faces, strict=True)]
    assert [len(some) for some in found] == [len(some) for some in expected] == [1, 0, 1]
    for some, others in zip(found, expected, strict=True):
        for one, other in zip(some, others, strict=True):
            np.testing.assert_array_equal(one.landmarks, other.landmarks)
    by_one = plain.refine_many(pictures, faces)
    assert [len(some) for some in by_one] == [1, 0, 1]
    assert Refiner(pool).refine_many(pictures, [[], [], []]) == [[], [], []]  # type: ignore[arg-type]
    assert Refiner(None).refine_many(pictures, faces) == faces
