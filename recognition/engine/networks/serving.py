"""Original weights -> the Keras network that computes what the converted file computes. Needs Keras; serving on CPUs
does not."""

from __future__ import annotations

from pathlib import Path

import keras

from recognition.engine.networks.deploy import deployed
from recognition.engine.networks.ghostfacenet_weights import load_ghostfacenet
from recognition.engine.networks.keras_models import keras_model
from recognition.engine.networks.opencv_zoo import read_sface, read_yunet, yunet_outputs
from recognition.engine.networks.yolov5face_weights import load_yolov5face
from recognition.engine.types import ModelFileError, ModelSpec


def load_network(spec: ModelSpec, path: Path) -> keras.Model:
    """spec: whose original weights are at ``path``. Raises ModelFileError when they are none of its kind."""
    if spec.kind == "embedder":
        sface = path.suffix.lower() == ".onnx"
        return keras_model(read_sface(path), "sface") if sface else load_ghostfacenet(path)
    if spec.settings.get("family") == "yunet":
        return keras_model(read_yunet(path), "yunet", yunet_outputs())
    if spec.kind == "detector":
        model, config = load_yolov5face(path)
        return deployed(model, config, input_shape(spec)[1])
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelFileError(f"{path} is not a Keras model: {error}") from error


def input_shape(spec: ModelSpec) -> tuple[int | None, ...]:
    """(1, height, width, channels) as the manifest says; None where any size is taken.

    Raises ModelFileError when it says nothing.
    """
    shape = spec.input.get("shape")
    if not isinstance(shape, list) or len(shape) != 4:
        raise ModelFileError(f"{spec.name} has no input shape in the manifest.")
    return tuple(None if side is None else int(side) for side in shape)
