"""A file of weights, in any format that is read here -> LiteRT files of one model, and what the manifest says of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras

from recognition.engine.networks.deploy import deployed
from recognition.engine.networks.ghostfacenet import SIDE as CROP
from recognition.engine.networks.ghostfacenet_weights import load_ghostfacenet
from recognition.engine.networks.litert_export import to_litert
from recognition.engine.networks.refiner import SIDE as REFINER_SIDE
from recognition.engine.networks.yolov5face_weights import load_yolov5face
from recognition.engine.types import ConvertedModel, ModelFileError
from recognition.engine.weights import COMPANION

DETECTOR_SIDES = {320: "", 640: COMPANION}  # what is added to the name
SCALED = {"dtype": "float32", "colour": "RGB", "scaling": "(x - 127.5) / 128"}
ANCHORS = [
    [[4, 5], [8, 10], [13, 16]],
    [[23, 29], [43, 55], [73, 105]],
    [[146, 217], [231, 300], [335, 433]],
]


def convert(path: Path, kind: str | None = None, *, half: bool = False) -> list[ConvertedModel]:
    """kind: "embedder", "detector" or "refiner"; None tries what the file can be. half: embedder and refiner in half
    precision; the detector stays, whose boxes would move by hundredths of a pixel for two megabytes.

    Reads GhostFaceNetV1 from Keras H5, YOLOv5-face from ONNX, Keras H5 or ``.npz``, the face refiner from ``.keras``.
    Raises ModelFileError when the file is none of these, EngineError when Keras does not run on TensorFlow.
    """
    converters: dict[str, Callable[[Path], list[ConvertedModel]]] = {
        "embedder": partial(convert_embedder, half=half),
        "detector": convert_detector,
        "refiner": partial(convert_refiner, half=half),
    }
    if kind is not None:
        return converters[kind](path)
    suffixes = {".onnx": ("detector",), ".npz": ("detector",), ".keras": ("refiner",)}
    errors = []
    for candidate in suffixes.get(path.suffix.lower(), ("embedder", "detector")):
        try:
            return converters[candidate](path)
        except ModelFileError as error:
            errors.append(str(error))
    raise ModelFileError(" ".join(errors))


def convert_embedder(path: Path, *, half: bool = False) -> list[ConvertedModel]:
    model = load_ghostfacenet(path)
    dimensions = int(model.output_shape[-1])
    shape = (1, CROP, CROP, 3)
    alignment = "similarity of five landmarks to the ArcFace template"
    return [
        ConvertedModel(
            "embedder",
            to_litert(model, shape, half=half),
            {"shape": list(shape), **SCALED, "alignment": alignment},
            {"shape": [1, dimensions], "dimensions": dimensions, "normalised": False},
            {"mirrored": True},
        )
    ]


def convert_detector(path: Path) -> list[ConvertedModel]:
    """One file for each of the sizes that the detector works with."""
    model, config = load_yolov5face(path)
    return [
        ConvertedModel(
            "detector",
            to_litert(deployed(model, config, side), (1, side, side, 3)),
            {"shape": [1, side, side, 3], "dtype": "float32", "colour": "RGB", "scaling": "x / 255"},
            {
                "heads": "three of (1, side/stride, side/stride, 48) for strides 8, 16, 32: "
                "three anchors of sixteen raw numbers a cell"
            },
            {
                "strides": [8, 16, 32],
                "anchors": ANCHORS,
                "padding": 114,
                "score": 0.3,
                "nms_iou": 0.45,
                "refine": True,
            },
            suffix,
        )
        for side, suffix in DETECTOR_SIDES.items()
    ]


def convert_refiner(path: Path, *, half: bool = False) -> list[ConvertedModel]:
    try:
        model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise ModelFileError(f"{path} is not a Keras model: {error}") from error
    shape = (1, REFINER_SIDE, REFINER_SIDE, 3)
    if model.input_shape[1:] != shape[1:] or model.output_shape[1:] != (11,):
        raise ModelFileError(
            f"{path} is not a face refiner: it maps {model.input_shape} to {model.output_shape}"
        )
    meaning = 'x and y of five landmarks as shares of the crop, then the logit of "this is a face"'
    return [
        ConvertedModel(
            "refiner",
            to_litert(model, shape, half=half),
            {"shape": list(shape), **SCALED},
            {"shape": [1, 11], "meaning": meaning},
            {"crop": 1.3, "min_faceness": 2.0},
        )
    ]
