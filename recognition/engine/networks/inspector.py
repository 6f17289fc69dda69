"""The inspector: what an aligned crop shows besides who it is. A small network of our own. Keras 3."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

SIDE = 56
PLAN = ((16, 2), (24, 2), (32, 2), (48, 2))  # filters and stride of each convolution
HIDDEN = 24


def inspector() -> keras.Model:
    """(n, 56, 56, 3) RGB scaled ``(x - 127.5) / 128`` -> (n, 3) logits: well aligned, mask, sunglasses."""
    inputs = layers.Input((SIDE, SIDE, 3))
    x: Any = inputs
    for filters, stride in PLAN:
        x = layers.Conv2D(filters, 3, stride, "same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dense(HIDDEN, use_bias=False)(layers.Flatten()(x))
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return keras.Model(inputs, layers.Dense(3, name="aligned_mask_sunglasses")(x), name="face_inspector_56")
