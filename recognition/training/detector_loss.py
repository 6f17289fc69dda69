"""The loss of one head of YOLOv5-face: complete IoU, objectness, class, wing loss of the landmarks.

Complete IoU: "Distance-IoU Loss" (Zheng 2020). Wing loss: "Wing Loss for Robust Facial Landmark Localisation" (Feng
2018). Objectness is taught to be the IoU that the box has, and strides weigh 4, 1 and 0.4, as in YOLOv5.
"""

from __future__ import annotations

from math import log, pi
from typing import Any

import keras
import numpy as np
from keras import ops

from recognition.engine.detector import ANCHORS, NUMBERS
from recognition.engine.types import Floats
from recognition.training.assignment import UNKNOWN

BALANCE = {8: 4.0, 16: 1.0, 32: 0.4}
BOX, CLASS, LANDMARKS = 0.05, 0.025, 0.0025
WING, CURVE = 10.0, 2.0  # percent of the face's size
TINY = 1e-7


@keras.saving.register_keras_serializable("training")
class HeadLoss(keras.losses.Loss):
    """(n, cells, cells, 48) targets as of ``targets_of`` and raw outputs of the same shape -> one number."""

    def __init__(self, stride: int, cells: int, **kwargs: Any) -> None:
        super().__init__(**{"name": f"stride_{stride}", **kwargs})
        self.stride, self.cells = stride, cells
        self.anchors: Floats = ANCHORS[stride]
        x, y = np.meshgrid(np.arange(cells), np.arange(cells))
        self.corners: Floats = np.stack([x, y], -1)[:, :, None].astype(np.float32)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        shape = (-1, self.cells, self.cells, len(self.anchors), NUMBERS)
        true = ops.reshape(ops.cast(y_true, "float32"), shape)
        raw = ops.reshape(ops.cast(y_pred, "float32"), shape)
        here = true[..., 0]
        count = ops.maximum(ops.sum(here), 1.0)
        # Where no face is, any sound box will do: it counts nothing, but must not give a number that is none.
        there = ops.concatenate([true[..., 1:3], ops.where(here[..., None] > 0, true[..., 3:5], 1.0)], -1)
        overlap = complete_iou(self.boxes(raw), there)
        box = ops.sum(here * (1 - overlap)) / count
        wanted = here * ops.stop_gradient(ops.clip(overlap, 0.0, 1.0))
        objectness = ops.mean(cross_entropy(wanted, raw[..., 4]))
        classed = ops.sum(here * ops.softplus(-raw[..., 15])) / count
        landmarks = self.landmark_loss(true, raw, there)
        return BALANCE[self.stride] * objectness + BOX * box + CLASS * classed + LANDMARKS * landmarks

    def boxes(self, raw: Any) -> Any:
        """(..., 4) centre and size in pixels."""
        centre = (2 * ops.sigmoid(raw[..., 0:2]) - 0.5 + constant(self.corners)) * self.stride
        return ops.concatenate(
            [centre, ops.square(2 * ops.sigmoid(raw[..., 2:4])) * constant(self.anchors)], -1
        )

    def landmark_loss(self, true: Any, raw: Any, boxes: Any) -> Any:
        """The mean over the known coordinates, which are compared in percent of the face's size."""
        anchors, corners = np.tile(self.anchors, 5), np.tile(self.corners * self.stride, 5)
        found = raw[..., 5:15] * constant(anchors) + constant(corners)
        known = ops.cast(true[..., 5:15] > UNKNOWN / 2, "float32") * true[..., 0:1]
        size = ops.sqrt(boxes[..., 2:3] * boxes[..., 3:4])
        # Chosen before the difference, since nothing times infinity is no number.
        difference = (found - ops.where(known > 0, true[..., 5:15], found)) / size * 100
        return ops.sum(known * wing(difference)) / ops.maximum(ops.sum(known), 1.0)


def constant(x: Floats) -> Any:
    """As a tensor, since torch's do not mix with arrays."""
    return ops.convert_to_tensor(x, dtype="float32")


def complete_iou(first: Any, second: Any) -> Any:
    """(..., 4) boxes as centre and size -> (...): IoU less the distance and the difference of shape; at most 1."""
    (fx, fy, fw, fh), (sx, sy, sw, sh) = ([box[..., i] for i in range(4)] for box in (first, second))
    across = ops.minimum(fx + fw / 2, sx + sw / 2) - ops.maximum(fx - fw / 2, sx - sw / 2)
    down = ops.minimum(fy + fh / 2, sy + sh / 2) - ops.maximum(fy - fh / 2, sy - sh / 2)
    common = ops.maximum(across, 0.0) * ops.maximum(down, 0.0)
    iou = common / (fw * fh + sw * sh - common + TINY)
    around_w = ops.maximum(fx + fw / 2, sx + sw / 2) - ops.minimum(fx - fw / 2, sx - sw / 2)
    around_h = ops.maximum(fy + fh / 2, sy + sh / 2) - ops.minimum(fy - fh / 2, sy - sh / 2)
    distance = ops.square(fx - sx) + ops.square(fy - sy)
    apart = distance / (ops.square(around_w) + ops.square(around_h) + TINY)
    shape = 4 / pi**2 * ops.square(ops.arctan(sw / (sh + TINY)) - ops.arctan(fw / (fh + TINY)))
    share = ops.stop_gradient(shape / (1 - iou + shape + TINY))
    return iou - apart - share * shape


def wing(x: Any) -> Any:
    """Steep near zero, straight from WING on."""
    size = ops.abs(x)
    return ops.where(
        size < WING, WING * ops.log(1 + size / CURVE), size - (WING - WING * log(1 + WING / CURVE))
    )


def cross_entropy(wanted: Any, logits: Any) -> Any:
    return ops.softplus(logits) - wanted * logits
