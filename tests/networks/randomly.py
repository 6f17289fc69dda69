"""Networks with weights that let every parameter matter."""

from __future__ import annotations

import keras
import numpy as np


def randomised(model: keras.Model, seed: int = 0) -> keras.Model:
    """Batch normalisation gets statistics and scales other than 0 and 1, PReLU different slopes."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        weights = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            size = weights[0].shape
            gamma, variance = rng.uniform(0.8, 1.2, size), rng.uniform(0.5, 2, size)
            layer.set_weights([gamma, rng.normal(0, 0.2, size), rng.normal(0, 0.2, size), variance])
        elif isinstance(layer, keras.layers.PReLU):
            layer.set_weights([rng.uniform(0, 0.5, weights[0].shape)])
        elif weights and len(weights) == 2:
            layer.set_weights([weights[0], rng.normal(0, 0.2, weights[1].shape)])
    return model
