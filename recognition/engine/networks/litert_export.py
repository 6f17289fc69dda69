"""Keras models -> LiteRT files, float32. Needs TensorFlow as Keras' backend; serving needs neither."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras

from recognition.engine.types import EngineError


def to_litert(model: keras.Model, shape: tuple[int, ...]) -> bytes:
    """The model for inputs of this shape. LiteRT can resize the first axis, at the price of preparing anew.

    float16 weights were tried and left: GhostFaceNet's outputs move by 4e-3, no run is faster.
    """
    if keras.backend.backend() != "tensorflow":
        raise EngineError("LiteRT files are made with KERAS_BACKEND=tensorflow.")
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])
    def serve(x: Any) -> Any:
        return model(x, training=False)

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", serve)
    with TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converted: bytes = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    return converted


def write(path: Path, content: bytes) -> None:
    """Beside and then in place, so that a reader never meets half a file."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
