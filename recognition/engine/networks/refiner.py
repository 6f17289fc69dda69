"""The face refiner: a crop around a box -> five landmarks and a face logit. A small network of our own. Keras 3."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

SIDE = 64
PLAN = (
    (16, 2),
    (32, 1),
    (48, 2),
    (48, 1),
    (64, 2),
    (64, 1),
    (96, 2),
)  # filters and stride of each convolution
HIDDEN = 128


def face_refiner() -> keras.Model:
    """(n, 64, 64, 3) RGB scaled ``(x - 127.5) / 128`` -> (n, 11): ten shares of the crop, one logit."""
    inputs = layers.Input((SIDE, SIDE, 3))
    x: Any = inputs
    for filters, stride in PLAN:
        x = layers.Conv2D(filters, 3, stride, "same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dense(HIDDEN, use_bias=False)(layers.Flatten()(x))
    x = layers.ReLU()(layers.BatchNormalization()(x))
    landmarks = layers.Dense(10, name="landmarks")(x)
    face = layers.Dense(1, name="face")(x)
    return keras.Model(
        inputs, layers.Concatenate(name="landmarks_and_face")([landmarks, face]), name="face_refiner_64"
    )
