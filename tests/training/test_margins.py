from __future__ import annotations

from math import cos, pi

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from recognition.training.margins import MARGINS, Margin, MarginHead, TeacherLoss, with_margin  # noqa: E402


def at(angle: float, margin: Margin) -> float:
    cosine = np.array([cos(angle)], np.float32)
    return float(keras.ops.convert_to_numpy(with_margin(cosine, margin))[0])


def test_arcface_adds_to_the_angle() -> None:
    assert at(1.0, MARGINS["arcface"]) == pytest.approx(cos(1.5), abs=1e-5)


def test_cosface_lowers_the_cosine() -> None:
    assert at(1.0, MARGINS["cosface"]) == pytest.approx(cos(1.0) - 0.35, abs=1e-5)


def test_sphereface_multiplies_the_angle() -> None:
    assert at(1.0, MARGINS["sphereface"]) == pytest.approx(cos(1.7), abs=1e-5)


def test_softmax_changes_nothing() -> None:
    assert at(2.0, MARGINS["softmax"]) == pytest.approx(cos(2.0), abs=1e-5)


@pytest.mark.parametrize("name", ["arcface", "cosface", "sphereface"])
def test_a_larger_angle_never_counts_as_better(name: str) -> None:
    angles = np.linspace(0.01, pi - 0.01, 200)
    found = with_margin(np.cos(angles).astype(np.float32), MARGINS[name])
    assert (np.diff(keras.ops.convert_to_numpy(found)) < 0).all()


def test_the_margin_is_for_the_right_person_and_in_training_only() -> None:
    head = MarginHead(2, MARGINS["cosface"], scale=10.0)
    head.build((None, 2), (None,))
    head.centres.assign(np.array([[2.0, 0.0], [0.0, 3.0]], np.float32))
    embedding = np.array([[5.0, 0.0], [3.0, 4.0]], np.float32)
    people = np.array([0, 1])
    plain = keras.ops.convert_to_numpy(head(embedding, people, training=False))
    np.testing.assert_allclose(plain, [[10, 0], [6, 8]], atol=1e-4)
    taught = keras.ops.convert_to_numpy(head(embedding, people, training=True))
    np.testing.assert_allclose(taught, [[6.5, 0], [6, 4.5]], atol=1e-4)


def test_teacher_loss_is_one_minus_cosine_where_there_is_a_teacher() -> None:
    taught = np.array([[1, 0], [0, 2], [0, 0]], np.float32)
    given = np.array([[3, 0], [1, 1], [1, 0]], np.float32)
    loss = TeacherLoss(reduction=None)(taught, given)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(loss), [0, 1 - 0.5**0.5, 0], atol=1e-6)
