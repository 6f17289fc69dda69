"""Margins that make people stay apart: SphereFace, CosFace, ArcFace, and what the embedder is trained with."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any

import keras
from keras import layers, ops

NEAR_ONE = 1 - 1e-6  # the slope of the arc cosine is infinite at one


@dataclass(frozen=True, slots=True)
class Margin:
    """The cosine of the right person becomes cos(times * angle + plus) - minus.

    SphereFace (2017) multiplies the angle, ArcFace (2018) adds to it, CosFace (2018) lowers the cosine.
    """

    times: float = 1.0
    plus: float = 0.0
    minus: float = 0.0


MARGINS = {
    "arcface": Margin(plus=0.5),
    "cosface": Margin(minus=0.35),
    "sphereface": Margin(times=1.7),
    "softmax": Margin(),
}


@keras.saving.register_keras_serializable("training")
class MarginHead(layers.Layer):
    """(n, d) embeddings and (n,) numbers of people -> (n, people) logits; the margin is applied in training only."""

    def __init__(
        self,
        people: int,
        margin: Margin = MARGINS["arcface"],
        scale: float = 64.0,
        **kwargs: Any,
    ) -> None:
        # Cosines near one need full precision, whatever the rest of the network computes in.
        super().__init__(**{"dtype": "float32", **kwargs})
        self.people, self.margin, self.scale = people, margin, scale

    def build(self, embedding_shape: Any, labels_shape: Any = None) -> None:
        shape = (embedding_shape[-1], self.people)
        self.centres = self.add_weight(shape=shape, initializer="glorot_normal", name="centres")

    def call(self, embedding: Any, labels: Any, training: bool | None = None) -> Any:
        cosine = ops.matmul(unit(embedding), unit(self.centres, axis=0))
        cosine = ops.clip(cosine, -NEAR_ONE, NEAR_ONE)
        if not training:
            return cosine * self.scale
        right = ops.one_hot(ops.reshape(labels, (-1,)), self.people, dtype=cosine.dtype)
        own = ops.sum(cosine * right, axis=-1, keepdims=True)
        return (cosine + (with_margin(own, self.margin) - own) * right) * self.scale

    def compute_output_shape(self, embedding_shape: Any, labels_shape: Any = None) -> Any:
        return (embedding_shape[0], self.people)


def with_margin(cosine: Any, margin: Margin) -> Any:
    """Falls all the way to an angle of pi, where the plain formula would rise again (as in the SphereFace paper)."""
    angle = ops.arccos(cosine) * margin.times + margin.plus
    turns = ops.stop_gradient(ops.floor(angle / pi))
    sign = 1 - 2 * ops.mod(turns, 2.0)
    return sign * ops.cos(angle) - 2 * turns - margin.minus


def unit(x: Any, axis: int = -1) -> Any:
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12))


@keras.saving.register_keras_serializable("training")
class TeacherLoss(keras.losses.Loss):
    """1 - cosine between the embedding and the teacher's vector; rows without a teacher (all zero) count nothing."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_pred = ops.cast(y_pred, "float32")
        known = ops.cast(ops.any(y_true != 0, axis=-1), "float32")
        return known * (1 - ops.sum(unit(y_true) * unit(y_pred), axis=-1))
