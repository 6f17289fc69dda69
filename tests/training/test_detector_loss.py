from __future__ import annotations

from math import atan, log, pi

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from recognition.engine.detector import ANCHORS, decode  # noqa: E402
from recognition.training.assignment import STRIDES, targets_of  # noqa: E402
from recognition.training.detection import compared  # noqa: E402
from recognition.training.detector_loss import BOX, HeadLoss, complete_iou, wing  # noqa: E402
from recognition.training.labels import Labels  # noqa: E402
from recognition.training.schedule import average_momentum, optimizer  # noqa: E402


def number(x: object) -> float:
    return float(keras.ops.convert_to_numpy(x))


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_complete_iou_by_hand() -> None:
    same = complete_iou(boxes((5, 5, 4, 2)), boxes((5, 5, 4, 2)))
    assert number(same[0]) == pytest.approx(1, abs=1e-5)
    # Two squares of 2, one beside the other with a gap of 2: around both is 6x2, the centres are 4 apart.
    apart = complete_iou(boxes((1, 1, 2, 2)), boxes((5, 1, 2, 2)))
    assert number(apart[0]) == pytest.approx(-16 / 40, abs=1e-5)
    # 4x4 and 4x2 around one centre: IoU 1/2, and a difference of shape.
    shape = 4 / pi**2 * (atan(2) - atan(1)) ** 2
    expected = 0.5 - shape**2 / (1 - 0.5 + shape)
    assert number(complete_iou(boxes((0, 0, 4, 4)), boxes((0, 0, 4, 2)))[0]) == pytest.approx(
        expected, abs=1e-5
    )


def test_wing_by_hand() -> None:
    found = keras.ops.convert_to_numpy(wing(np.array([0.0, -4.0, 30.0], np.float32)))
    np.testing.assert_allclose(found, [0, 10 * log(3), 30 - (10 - 10 * log(6))], rtol=1e-5)
    near, far = (number(wing(np.float32(v))) for v in (9.9999, 10.0001))
    assert near == pytest.approx(far, abs=1e-3)


def labels() -> Labels:
    points = np.array([[[90, 60], [110, 60], [100, 70], [92, 85], [108, 85]]], np.float32)
    return Labels(np.array([[80, 45, 120, 95]], np.float32), points)


def perfect(stride: int, true: np.ndarray) -> np.ndarray:
    """Raw outputs that say exactly what the targets say."""
    cells = true.shape[1]
    rows = true.reshape(1, cells, cells, 3, 16)
    anchors = ANCHORS[stride]
    corner = np.stack(np.meshgrid(np.arange(cells), np.arange(cells)), -1)[:, :, None]
    raw = np.zeros_like(rows)
    here = rows[..., 0] > 0
    raw[..., 4], raw[..., 15] = np.where(here, 12, -12), 12

    def logit(p: np.ndarray) -> np.ndarray:
        return np.log(p / (1 - p))

    with np.errstate(all="ignore"):
        raw[..., 0:2] = np.where(here[..., None], logit((rows[..., 1:3] / stride - corner + 0.5) / 2), 0)
        raw[..., 2:4] = np.where(here[..., None], logit(np.sqrt(rows[..., 3:5] / anchors) / 2), 0)
        points = (rows[..., 5:15] - np.tile(corner * stride, 5)) / np.tile(anchors, 5)
    raw[..., 5:15] = np.where(here[..., None], points, 0)
    return raw.reshape(true.shape).astype(np.float32)


def test_a_perfect_answer_costs_nothing_and_is_what_the_site_decodes() -> None:
    targets = targets_of(labels(), 320)
    raw = [perfect(stride, head[None]) for stride, head in zip(STRIDES, targets, strict=True)]
    for stride, head, answer in zip(STRIDES, targets, raw, strict=True):
        assert number(HeadLoss(stride, 320 // stride)(head[None], answer)) == pytest.approx(0, abs=2e-3)
    rows = decode([answer[0] for answer in raw], 320, 0.3)
    assert len(rows) == sum(int(head.reshape(-1, 16)[:, 0].sum()) for head in targets)
    np.testing.assert_allclose(rows[:, :4], np.tile(labels().boxes, (len(rows), 1)), atol=0.05)
    np.testing.assert_allclose(
        rows[:, 5:], np.tile(labels().points.reshape(1, 10), (len(rows), 1)), atol=0.05
    )


def test_each_mistake_costs() -> None:
    true = targets_of(labels(), 320)[1][None]
    loss, best = HeadLoss(16, 20), perfect(16, true)
    for place in (0, 2, 4, 7, 15):
        worse = best.reshape(1, 20, 20, 3, 16).copy()
        worse[0, 4, 6, :, place] -= 15
        assert number(loss(true, worse.reshape(best.shape))) > number(loss(true, best)) + 1e-3


def test_unknown_landmarks_cost_nothing() -> None:
    unknown = Labels(labels().boxes, np.full((1, 5, 2), np.nan, np.float32))
    true = targets_of(unknown, 320)[1][None]
    raw = perfect(16, targets_of(labels(), 320)[1][None]).reshape(1, 20, 20, 3, 16)
    other = raw.copy()
    other[..., 5:15] += 5
    loss = HeadLoss(16, 20)
    assert number(loss(true, raw.reshape(true.shape))) == number(loss(true, other.reshape(true.shape)))


def test_no_face_at_all_is_a_number_too() -> None:
    empty = np.zeros((2, 10, 10, 48), np.float32)
    found = number(HeadLoss(32, 10)(empty, empty))
    assert found == pytest.approx(0.4 * log(2), rel=1e-4)  # objectness of one half everywhere
    assert BOX > 0


def test_the_average_of_the_weights_follows_by_hand() -> None:
    """Momentum 0.5 for 40 steps: the first step is taken over, then half of the way each time."""
    assert average_momentum(40) == 0.5
    found = optimizer(0.1, 40, warmup=0.1, weight_decay=0.0, averaged=True)
    variable = keras.Variable(np.zeros(1, np.float32))
    found.build([variable])
    average = None
    for _ in range(4):
        found.apply([np.ones(1, np.float32)], [variable])
        value = float(keras.ops.convert_to_numpy(variable.value)[0])
        average = value if average is None else (average + value) / 2
    found.finalize_variable_values([variable])
    assert float(keras.ops.convert_to_numpy(variable.value)[0]) == pytest.approx(average, rel=1e-5)


def test_long_runs_average_over_two_thousand_steps() -> None:
    assert average_momentum(10**6) == pytest.approx(0.9995)
    assert average_momentum(1) == 0.0


def test_recall_and_false_boxes() -> None:
    true = np.array(
        [[0, 0, 20, 20], [50, 50, 90, 90], [5, 5, 9, 9]], np.float32
    )  # the last is too small to count
    found = np.array([[1, 1, 21, 21], [2, 2, 22, 22], [100, 0, 120, 20], [5, 5, 9, 9]], np.float32)
    assert compared(found, true) == (2, 1, 1)
    assert compared(np.empty((0, 4), np.float32), true) == (2, 0, 0)
    assert compared(found[:1], np.empty((0, 4), np.float32)) == (0, 0, 1)
