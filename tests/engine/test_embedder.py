from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from recognition.engine.embedder import Embedder
from recognition.engine.types import Floats


class FakePool:
    """A network whose output is the mean of the left half, of the right half, and one."""

    def __init__(self) -> None:
        self.runs = 0

    @contextmanager
    def lease(self) -> Any:
        yield self

    def run(self, batch: Floats) -> list[Floats]:
        self.runs += 1
        assert batch.shape == (1, 112, 112, 3)
        assert batch.dtype == np.float32
        return [np.array([[batch[:, :, :56].mean(), batch[:, :, 56:].mean(), 1]], np.float32)]


def crop(left: int, right: int) -> Any:
    image = np.full((112, 112, 3), left, np.uint8)
    image[:, 56:] = right
    return image


def embedder(**how: Any) -> Embedder:
    return Embedder(FakePool(), dimensions=3, name="n", version="1", **how)  # type: ignore[arg-type]


def test_pixels_are_scaled_and_vectors_of_unit_length() -> None:
    vectors = embedder().embed([crop(0, 255), crop(128, 128)])
    expected = np.array([[-127.5 / 128, 127.5 / 128, 1], [0.5 / 128, 0.5 / 128, 1]])
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)


def test_no_crops_give_no_vectors() -> None:
    assert embedder().embed([]).shape == (0, 3)


def test_the_mirrored_crop_is_added() -> None:
    one = embedder()
    both = one.embed([crop(0, 255)], mirrored=True)
    assert np.allclose(both, [[0, 0, 1]], atol=1e-6)
    assert np.allclose(both, one.embed([crop(255, 0)], mirrored=True), atol=1e-6)


@pytest.mark.parametrize(
    ("default", "asked", "runs"), [(False, None, 1), (True, None, 2), (True, False, 1), (False, True, 2)]
)
def test_mirroring_is_the_models_habit_unless_asked(default: bool, asked: bool | None, runs: int) -> None:
    one = embedder(mirrored=default)
    one.embed([crop(0, 9)], mirrored=asked)
    assert one._pool.runs == runs  # type: ignore[attr-defined]


def test_both_views_in_two_runs() -> None:
    one = embedder()
    crops = [crop(20, 200), crop(90, 30)]
    plain, mirrored = one.embed_both(crops)
    assert one._pool.runs == 4  # type: ignore[attr-defined]
    np.testing.assert_array_equal(plain, embedder().embed(crops, mirrored=False))
    np.testing.assert_array_equal(mirrored, embedder().embed(crops, mirrored=True))
