"""Keras models -> the LiteRT files that serving reads.

``python -m recognition.engine.networks.export --weights FOLDER --out models/`` makes the bundled files again
from the original weights. Needs TensorFlow.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import keras

from recognition.engine.networks.h5_weights import load_ghostfacenet
from recognition.engine.networks.torch_weights import load_npz
from recognition.engine.networks.yolov5face import yolov5face

DETECTOR_SIDES = (320, 640)


def to_litert(model: keras.Model, shape: tuple[int | None, ...]) -> bytes:
    """The model as a float32 LiteRT file with an input of this shape."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])  # type: ignore[untyped-decorator]
    def serve(x: Any) -> Any:
        return model(x, training=False)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([serve.get_concrete_function()], model)
    converted: bytes = converter.convert()
    return converted


def export_detector(model: keras.Model, side: int) -> bytes:
    return to_litert(model, (1, side, side, 3))


def export_embedder(model: keras.Model) -> bytes:
    return to_litert(model, (1, 112, 112, 3))


def export_refiner(model: keras.Model) -> bytes:
    return to_litert(model, (1, 64, 64, 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="folder of the original weight files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the LiteRT files")
    options = parser.parse_args()
    weights, out = options.weights, options.out
    ghost = load_ghostfacenet(weights / "ghostfacenet_v1_w1.3_s2.h5")
    (out / "ghostfacenet-v1-1.3-2.tflite").write_bytes(export_embedder(ghost))
    refiner = keras.models.load_model(weights / "face_refiner_64.keras")
    (out / "face-refiner-64.tflite").write_bytes(export_refiner(refiner))
    for side in DETECTOR_SIDES:
        detector = load_npz(yolov5face(side=side), weights / "yolov5n05_face.npz")
        (out / f"yolov5n-0.5-face-{side}.tflite").write_bytes(export_detector(detector, side))


if __name__ == "__main__":
    main()
