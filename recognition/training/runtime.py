"""Where Keras runs: backend, devices, precision, seeds."""

from __future__ import annotations

import keras

PRECISIONS = ("auto", "float32", "mixed_float16", "mixed_bfloat16")


def prepare(seed: int, precision: str = "auto") -> str:
    """Seeds Python, numpy and the backend, sets the precision. "auto" is mixed_float16 on a GPU, else float32."""
    keras.utils.set_random_seed(seed)
    if precision == "auto":
        precision = "mixed_float16" if has_gpu() else "float32"
    keras.mixed_precision.set_global_policy(precision)
    return precision


def has_gpu() -> bool:
    try:
        return bool(keras.distribution.list_devices("gpu"))
    except (NotImplementedError, RuntimeError, ValueError):
        return False


def described(precision: str) -> str:
    device = "GPU" if has_gpu() else "CPU"
    return f"Keras {keras.__version__} on {keras.backend.backend()}, {device}, {precision}"
