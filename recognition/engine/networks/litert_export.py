"""Keras models -> LiteRT files. Needs TensorFlow as Keras' backend; serving needs neither."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras

from recognition.engine.types import EngineError


def to_litert(model: keras.Model, shape: tuple[int, ...], *, half: bool = False) -> bytes:
    """The model for inputs of this shape. LiteRT can resize the first axis, at the price of preparing anew.

    half: weights in float16, which halves the file; XNNPACK widens them when it loads them and computes in float32.
    GhostFaceNet's vectors turn by less than half a degree.
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
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if half:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        converted: bytes = converter.convert()
    return converted


def write(path: Path, content: bytes) -> None:
    """Beside and then in place, so that a reader never meets half a file."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
