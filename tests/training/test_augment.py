from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from recognition.training.augment import Strength, augmented

NONE = Strength(**{field.name: 0.0 for field in fields(Strength)})


@pytest.fixture
def crop() -> np.ndarray:
    smooth = np.linspace(20, 220, 112, dtype=np.float32)
    return np.stack(
        [smooth[None] + smooth[:, None] * 0, smooth[:, None] + smooth * 0, np.full((112, 112), 90)], -1
    ).astype(np.uint8)


def test_nothing_changes_at_strength_zero(crop: np.ndarray) -> None:
    np.testing.assert_array_equal(augmented(crop, np.random.default_rng(0), NONE), crop)


def test_flip_mirrors(crop: np.ndarray) -> None:
    found = augmented(crop, np.random.default_rng(0), replace(NONE, flip=1.0))
    np.testing.assert_array_equal(found, crop[:, ::-1])


@pytest.mark.parametrize("name", [field.name for field in fields(Strength)])
def test_each_change_keeps_shape_and_type_and_changes_something(crop: np.ndarray, name: str) -> None:
    before = crop.copy()
    found = augmented(crop, np.random.default_rng(3), replace(NONE, **{name: 1.0 if name != "crop" else 0.1}))
    assert (found.shape, found.dtype) == (crop.shape, np.uint8)
    assert (found != before).any()
    np.testing.assert_array_equal(crop, before)  # the mapped file is read-only


def test_grey_has_no_colour(crop: np.ndarray) -> None:
    found = augmented(crop, np.random.default_rng(0), replace(NONE, grey=1.0))
    assert (found[..., 0] == found[..., 1]).all()
    assert (found[..., 0] == found[..., 2]).all()


def test_a_mask_leaves_the_eyes_free(crop: np.ndarray) -> None:
    found = augmented(crop, np.random.default_rng(0), replace(NONE, mask=1.0))
    np.testing.assert_array_equal(found[:52], crop[:52])
    assert (found[80:100, 45:65] != crop[80:100, 45:65]).any(-1).all()


def test_the_same_seed_gives_the_same(crop: np.ndarray) -> None:
    first, second = (augmented(crop, np.random.default_rng(5), Strength()) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_strength_as_a_whole() -> None:
    half = Strength().times(0.5)
    assert half.rotation == pytest.approx(0.03)
    assert half.flip == 0.5  # mirrored faces are no harder
    assert Strength().times(20).grey == 1.0
