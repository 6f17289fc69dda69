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
    """By where a tensor is put, which every backend says in its own words; Keras cannot list torch's devices."""
    place = str(keras.ops.zeros((1,)).device).lower()
    return any(word in place for word in ("gpu", "cuda", "rocm"))


def described(precision: str) -> str:
    device = "GPU" if has_gpu() else "CPU"
    return f"Keras {keras.__version__} on {keras.backend.backend()}, {device}, {precision}"


def compiled() -> bool | str:
    """Keras' ``jit_compile``. TensorFlow's XLA has no fast convolutions for CPUs: it took five times as long."""
    return False if keras.backend.backend() == "tensorflow" and not has_gpu() else "auto"


def in_float32(model: keras.Model) -> keras.Model:
    """The same network to be saved, whatever precision it was trained in. Sets the precision back to float32."""
    keras.mixed_precision.set_global_policy("float32")
    plain = keras.models.clone_model(model, clone_function=_layer_in_float32)
    plain.set_weights(model.get_weights())
    return plain


def _layer_in_float32(layer: keras.layers.Layer) -> keras.layers.Layer:
    return type(layer).from_config({**layer.get_config(), "dtype": "float32"})
