"""Which GPU Keras runs on, and why on none. The only question to the hardware; TensorFlow is loaded by asking it."""

from __future__ import annotations

import os
from dataclasses import dataclass

INSTALL = "pip install -r requirements.txt"


@dataclass(frozen=True, slots=True)
class Device:
    """place: TensorFlow's name of the GPU, empty when there is none. summary: its model, or why there is none."""

    place: str
    summary: str

    def __bool__(self) -> bool:
        return bool(self.place)


def find_device() -> Device:
    """The first GPU that TensorFlow sees, made ready: it takes memory as it needs it and computes in full float32.

    TensorFloat-32, the default on newer cards, keeps ten bits of a factor; vectors would differ from those that CPUs
    make of the same face.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import h5py  # noqa: F401
        import keras
        import tensorflow as tf
    except ImportError as error:
        return Device("", f"TensorFlow is not installed here ({error}): {INSTALL}")
    if keras.backend.backend() != "tensorflow":
        return Device("", f"Keras runs on {keras.backend.backend()} here: set KERAS_BACKEND=tensorflow.")
    try:
        found = tf.config.list_physical_devices("GPU")
        if not found:
            return Device("", _why_none(bool(tf.test.is_built_with_cuda())))
        for gpu in found:
            tf.config.experimental.set_memory_growth(gpu, True)
        tf.config.experimental.enable_tensor_float_32_execution(False)
        details = tf.config.experimental.get_device_details(found[0])
    except (RuntimeError, ValueError, tf.errors.OpError) as error:  # a driver that answers with an error
        return Device("", f"The GPU cannot be used ({error}).")
    return Device("/GPU:0", str(details.get("device_name", "GPU")))


def _why_none(with_cuda: bool) -> str:
    if not with_cuda:
        return f"The TensorFlow that is installed here was built without CUDA: {INSTALL}"
    return "TensorFlow sees no GPU: is the NVIDIA driver installed (nvidia-smi), and does the worker see the card?"
