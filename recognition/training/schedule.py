"""The optimiser of both trainings: AdamW, a short warm-up, then down along a cosine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import keras

T = TypeVar("T")

UNPULLED = ["alpha", "gamma", "beta", "bias"]  # slopes, scales and shifts are not to be pulled towards zero
CLIP = 5.0


def optimizer(
    rate: float, steps: int, *, warmup: float, weight_decay: float, averaged: bool = False
) -> keras.optimizers.Optimizer:
    """rate: the highest, reached after the share ``warmup`` of the steps; at the end a hundredth of it is left.

    averaged: keeps an exponential moving average of the weights, which take its place when ``fit`` ends.
    """
    warm = max(1, int(steps * warmup))
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 100, max(1, steps - warm), alpha=0.01, warmup_target=rate, warmup_steps=warm
    )
    found = keras.optimizers.AdamW(
        schedule,
        weight_decay=weight_decay,
        global_clipnorm=CLIP,
        use_ema=averaged,
        ema_momentum=average_momentum(steps),
    )
    found.exclude_from_weight_decay(var_names=UNPULLED)
    return found


def measured_averaged(measure: Callable[[], T], model: keras.Model) -> Callable[[], T]:
    """The function called while the compiled model has the averages of its weights; then it has its own again."""

    def measured() -> T:
        weights = model.get_weights()
        model.optimizer.finalize_variable_values(model.trainable_variables)
        # Copies: JAX would share the averages with the model, and a prediction uses up what it is given.
        model.set_weights(model.get_weights())
        try:
            return measure()
        finally:
            model.set_weights(weights)

    return measured


def average_momentum(steps: int) -> float:
    """The average reaches over the last twentieth of the steps, in long runs over the last 2,000."""
    return max(0.0, 1 - 1 / min(max(1.0, steps / 20), 2000.0))
