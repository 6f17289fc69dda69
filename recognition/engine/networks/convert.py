"""A file of weights, in any format that is read here -> LiteRT files of one model, and what the manifest says of it.

Embedders and YuNet are converted without Keras; YOLOv5-face and refiners need it, on any of its backends.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from recognition.engine.networks.ghostfacenet import SIDE as CROP
from recognition.engine.networks.ghostfacenet_weights import read_ghostfacenet
from recognition.engine.networks.litert_export import to_litert
from recognition.engine.networks.opencv_zoo import read_sface, read_yunet, yunet_outputs
from recognition.engine.types import ConvertedModel, EngineError, ModelFileError
from recognition.engine.weights import COMPANION

SMALL = 320
DETECTOR_SIDES = {SMALL: "", 640: COMPANION}  # what is added to the name
SCALED = {"dtype": "float32", "colour": "RGB", "scaling": "(x - 127.5) / 128"}
ANCHORS = [
    [[4, 5], [8, 10], [13, 16]],
    [[23, 29], [43, 55], [73, 105]],
    [[146, 217], [231, 300], [335, 433]],
]
NEEDED = (
    "is read with Keras: `pip install -r requirements-train.txt`, in an environment of its own if you like, with the "
    "same IDENTITY_DATA_DIR."
)


def convert(path: Path, kind: str | None = None, *, half: bool = False) -> list[ConvertedModel]:
    """kind: one of ``weights.KINDS``; None tries what the file can be. half: see `litert_writer`; detectors stay in
    full precision: it would save a tenth of their file, and faces of nearly the same score would change places.

    Reads GhostFaceNetV1 from Keras H5, SFace and YuNet from ONNX, YOLOv5-face from ONNX, Keras H5 or ``.npz``, face
    refiner and inspector from ``.keras``.
    Raises ModelFileError when the file is none of these, EngineError when Keras is needed and missing.
    """
    if kind is not None:
        return _converted(path, kind, half)
    suffixes = {".npz": ("detector",), ".keras": ("refiner", "inspector")}
    errors = []
    for candidate in suffixes.get(path.suffix.lower(), ("embedder", "detector")):
        try:
            return _converted(path, candidate, half)
        except EngineError as error:
            errors.append(error)
    text = " ".join(map(str, errors))
    raise (ModelFileError if all(isinstance(e, ModelFileError) for e in errors) else EngineError)(text)


def _converted(path: Path, kind: str, half: bool) -> list[ConvertedModel]:
    converters: dict[str, Callable[[Path, bool], list[ConvertedModel]]] = {
        "embedder": convert_embedder,
        "detector": convert_detector,
        "refiner": convert_refiner,
        "inspector": convert_inspector,
    }
    try:
        return converters[kind](path, half)
    except ImportError as error:
        raise EngineError(f"If {path} is a {kind}, it {NEEDED} ({error})") from None
    except ValueError as error:
        raise ModelFileError(f"{path} cannot be converted: {error}.") from error


def convert_embedder(path: Path, half: bool) -> list[ConvertedModel]:
    sface = path.suffix.lower() == ".onnx"
    nodes = read_sface(path) if sface else read_ghostfacenet(path)
    dimensions = int(nodes[-1].weights[0].size)
    shape = (1, CROP, CROP, 3)
    scaling = {**SCALED, "scaling": "x"} if sface else SCALED
    alignment = "similarity of five landmarks to the ArcFace template"
    return [
        ConvertedModel(
            "embedder",
            to_litert(nodes, shape, half=half),
            {"shape": list(shape), **scaling, "alignment": alignment},
            {"shape": [1, dimensions], "dimensions": dimensions, "normalised": False},
            {"mirrored": not sface},  # which gains with the one and not with the other
        )
    ]


def convert_detector(path: Path, half: bool) -> list[ConvertedModel]:
    """YuNet from an ONNX file that holds it, else YOLOv5-face. half: has no effect, see `convert`."""
    if path.suffix.lower() != ".onnx":
        return convert_yolov5face(path)
    try:
        return convert_yunet(path)
    except ModelFileError as error:
        try:
            return convert_yolov5face(path)
        except ModelFileError as other:
            raise ModelFileError(f"{error} {other}") from None


def convert_yunet(path: Path) -> list[ConvertedModel]:
    content = to_litert(read_yunet(path), (1, SMALL, SMALL, 3), yunet_outputs())
    heads = (
        "for strides 8, 16, 32: product of class and face probability, box and five landmarks of each cell"
    )
    return [
        ConvertedModel(
            "detector",
            content,
            {"shape": [1, None, None, 3], "dtype": "float32", "colour": "BGR", "scaling": "x"},
            {"heads": heads},
            {"family": "yunet", "strides": [8, 16, 32], "score": 0.6, "nms_iou": 0.3, "refine": False},
        )
    ]


def convert_yolov5face(path: Path) -> list[ConvertedModel]:
    """One file for both of the sizes that the detector works with, and an entry for each."""
    from recognition.engine.networks.deploy import deployed
    from recognition.engine.networks.keras_h5 import model_graph, output_names
    from recognition.engine.networks.yolov5face_weights import load_yolov5face

    model, config = load_yolov5face(path)
    network = deployed(model, config, SMALL)
    content = to_litert(model_graph(network), (1, *network.input_shape[1:]), output_names(network))
    return [
        ConvertedModel(
            "detector",
            content,
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


def convert_refiner(path: Path, half: bool) -> list[ConvertedModel]:
    from recognition.engine.networks.refiner import SIDE

    meaning = 'x and y of five landmarks as shares of the crop, then the logit of "this is a face"'
    return [_of_our_own(path, "refiner", SIDE, 11, meaning, {"crop": 1.3, "min_faceness": 2.0}, half)]


def convert_inspector(path: Path, half: bool) -> list[ConvertedModel]:
    from recognition.engine.networks.inspector import SIDE

    meaning = "logits of: the crop is well aligned, there is a mask, there are sunglasses"
    return [_of_our_own(path, "inspector", SIDE, 3, meaning, {}, half)]


def _of_our_own(
    path: Path, kind: str, side: int, numbers: int, meaning: str, settings: dict[str, object], half: bool
) -> ConvertedModel:
    """A small network as Keras saves it. side: of its input. numbers: how many it answers."""
    import keras

    from recognition.engine.networks.keras_h5 import model_graph, output_names

    try:
        model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise ModelFileError(f"{path} is not a Keras model: {error}") from error
    shape = (1, side, side, 3)
    if model.input_shape[1:] != shape[1:] or model.output_shape[1:] != (numbers,):
        raise ModelFileError(
            f"{path} is not a face {kind}: it maps {model.input_shape} to {model.output_shape}"
        )
    return ConvertedModel(
        kind,
        to_litert(model_graph(model), shape, output_names(model), half=half),
        {"shape": list(shape), **SCALED},
        {"shape": [1, numbers], "meaning": meaning},
        settings,
    )
