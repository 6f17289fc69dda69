"""SFace and YuNet from ONNX files of the OpenCV Zoo, quantised or not, as layers in Keras' terms.

SFace: MobileNet with PReLU and a dense layer of 128 numbers, from "SFace: Sigmoid-Constrained Hypersphere Loss for
Robust Face Recognition" (2021), Apache-2.0. YuNet: from "YuNet: A Tiny Millisecond-level Face Detector" (2023), MIT.
Both at https://github.com/opencv/opencv_zoo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from recognition.engine.networks.graphs import Node
from recognition.engine.networks.onnx_graph import read_onnx
from recognition.engine.types import ModelFileError

SFACE_SIDE = 112
BLOCK = ["Conv", "BatchNormalization", "PRelu"]
SFACE = ["Sub", "Mul", *BLOCK * 27, "BatchNormalization", "Flatten", "Gemm", "BatchNormalization"]
STRIDES = (8, 16, 32)
YUNET = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}  # outputs for each stride, and how many numbers each has


def read_sface(path: Path) -> list[Node]:
    """(n, 112, 112, 3) RGB pixels -> (n, 128), not normalised: the layers with their weights, each after its input.

    Raises ModelFileError when the file is no SFace.
    """
    return _read(path, "SFace", sface_of)


def read_yunet(path: Path) -> list[Node]:
    """(n, height, width, 3) BGR pixels, sides multiples of 32 -> for strides 8, 16 and 32 what the layers of
    `yunet_outputs` give: (n, cells, 1) the product of class and face probability, (n, cells, 4) boxes and
    (n, cells, 10) landmarks.

    Raises ModelFileError when the file is no YuNet.
    """
    return _read(path, "YuNet", yunet_of)


def yunet_outputs() -> list[str]:
    return [f"{kind}_{stride}" for kind in ("score", "bbox", "kps") for stride in STRIDES]


def _read(path: Path, name: str, layers_of: Callable[[Sequence[Node]], list[Node]]) -> list[Node]:
    try:
        return layers_of(read_onnx(path))
    except (OSError, KeyError, ValueError, IndexError, TypeError) as error:
        raise ModelFileError(f"{path} is not a {name} in ONNX layout: {error}") from error


def sface_of(operators: Sequence[Node]) -> list[Node]:
    """Raises ValueError or KeyError when the operators are not those of SFace."""
    if [node.kind for node in operators if node.kind != "Dropout"] != SFACE:
        raise ValueError("its layers are not those of SFace")
    return _layers(operators, (None, SFACE_SIDE, SFACE_SIDE, 3))


def yunet_of(operators: Sequence[Node]) -> list[Node]:
    """Raises ValueError or KeyError when the operators are not those of YuNet."""
    layers = _layers(operators, (None, None, None, 3))
    found = {node.name: node for node in layers}
    for kind, numbers in YUNET.items():
        for stride in STRIDES:
            rows = found[f"{kind}_{stride}"]
            rows = found[rows.inputs[0]] if rows.kind == "Activation" else rows
            if rows.settings.get("target_shape") != (-1, numbers):
                raise ValueError(f"{kind}_{stride} has not {numbers} numbers for each cell")
    for stride in STRIDES:
        name = f"score_{stride}"
        layers.append(Node(name, "Multiply", (f"cls_{stride}", f"obj_{stride}"), {"name": name}))
    return layers


def _layers(operators: Iterable[Node], shape: tuple[int | None, ...]) -> list[Node]:
    start = Node("face", "InputLayer", (), {"name": "face", "batch_shape": shape})
    layers = {start.name: start}
    given: dict[str, str] = {}  # operator -> the layer that gives what it gives
    channels = 0
    for operator in operators:
        inputs = tuple(given[name] for name in operator.inputs) or (start.name,)
        if operator.kind == "Conv":
            channels = len(operator.weights[0])
        for layer in LAYERS[operator.kind](operator, inputs, channels):
            layers[layer.name] = layer
            inputs = (layer.name,)
        (given[operator.name],) = inputs
    return list(layers.values())


def _layer(kind: str, node: Node, inputs: tuple[str, ...], *weights: object, **settings: object) -> Node:
    arrays = tuple(np.asarray(array, np.float32) for array in weights)
    return Node(node.name, kind, inputs, {"name": node.name, **settings}, arrays)


def _conv(node: Node, inputs: tuple[str, ...], channels: int) -> list[Node]:
    kernel, *bias = node.weights
    pads, size = set(node.settings["pads"]), tuple(kernel.shape[2:])
    if len(pads) != 1 or {*node.settings.get("dilations", [1])} != {1}:
        raise ValueError(f"{node.name} has uneven pads or dilations")
    (around,) = pads
    layers = []
    if around:  # on all sides, as Keras' "same" does not with a stride
        padding = ((around, around), (around, around))
        padded = f"{node.name}_padded"
        layers.append(Node(padded, "ZeroPadding2D", inputs, {"name": padded, "padding": padding}))
        inputs = (padded,)
    strides = tuple(node.settings["strides"])
    window = {"kernel_size": size, "strides": strides, "padding": "valid", "use_bias": bool(bias)}
    if node.settings.get("group", 1) == 1:
        weights = kernel.transpose(2, 3, 1, 0)
        return [*layers, _layer("Conv2D", node, inputs, weights, *bias, filters=channels, **window)]
    weights = kernel.transpose(2, 3, 0, 1)
    return [*layers, _layer("DepthwiseConv2D", node, inputs, weights, *bias, **window)]


def _norm(node: Node, inputs: tuple[str, ...], channels: int) -> list[Node]:
    epsilon = float(node.settings["epsilon"])
    return [_layer("BatchNormalization", node, inputs, *node.weights, epsilon=epsilon)]


def _prelu(node: Node, inputs: tuple[str, ...], channels: int) -> list[Node]:
    return [_layer("PReLU", node, inputs, node.weights[0].reshape(1, 1, -1), shared_axes=[1, 2])]


def _shift(node: Node, inputs: tuple[str, ...], channels: int) -> list[Node]:
    return [_layer("Rescaling", node, inputs, scale=1.0, offset=-float(node.weights[0].item()))]


def _scale(node: Node, inputs: tuple[str, ...], channels: int) -> list[Node]:
    return [_layer("Rescaling", node, inputs, scale=float(node.weights[0].item()), offset=0.0)]


def _dense(node: Node, inputs: tuple[str, ...], channels: int) -> list[Node]:
    """ONNX flattens channels before rows and columns, Keras after them."""
    outputs, taken = node.weights[0].shape
    side = int(np.sqrt(taken // channels))
    if node.settings.get("transB") != 1:
        raise ValueError(f"{node.name} is turned otherwise than is known here")
    matrix = node.weights[0].reshape(outputs, channels, side, side).transpose(2, 3, 1, 0)
    return [_layer("Dense", node, inputs, matrix.reshape(taken, outputs), node.weights[1], units=outputs)]


def _pool(node: Node, inputs: tuple[str, ...], channels: int) -> list[Node]:
    size, stride = tuple(node.settings["kernel_shape"]), tuple(node.settings["strides"])
    if any(node.settings.get("pads", [])) or node.settings.get("ceil_mode"):
        raise ValueError(f"{node.name} pads otherwise than is known here")
    return [_layer("MaxPooling2D", node, inputs, pool_size=size, strides=stride, padding="valid")]


def _resize(node: Node, inputs: tuple[str, ...], channels: int) -> list[Node]:
    if node.settings.get("mode") != b"nearest" or list(node.weights[-1]) != [1, 1, 2, 2]:
        raise ValueError(f"{node.name} resizes otherwise than is known here")
    return [_layer("UpSampling2D", node, inputs, size=(2, 2), interpolation="nearest")]


def _reshape(node: Node, inputs: tuple[str, ...], channels: int) -> list[Node]:
    one, cells, numbers = (int(size) for size in node.weights[0])
    if (one, cells) != (1, -1):
        raise ValueError(f"{node.name} reshapes otherwise than is known here")
    return [_layer("Reshape", node, inputs, target_shape=(-1, numbers))]


def _transpose(node: Node, inputs: tuple[str, ...], channels: int) -> list[Node]:
    """Brings the channels to the end, where they are already."""
    if list(node.settings["perm"]) != [0, 2, 3, 1]:
        raise ValueError(f"{node.name} transposes otherwise than is known here")
    return []


# From an operator, the names of the layers that it takes and the channels of the last convolution.
LAYERS: dict[str, Callable[[Node, tuple[str, ...], int], list[Node]]] = {
    "Add": lambda node, inputs, channels: [_layer("Add", node, inputs)],
    "BatchNormalization": _norm,
    "Conv": _conv,
    "Dropout": lambda node, inputs, channels: [],
    "Flatten": lambda node, inputs, channels: [_layer("Flatten", node, inputs)],
    "Gemm": _dense,
    "MaxPool": _pool,
    "Mul": _scale,
    "PRelu": _prelu,
    "Relu": lambda node, inputs, channels: [_layer("ReLU", node, inputs)],
    "Reshape": _reshape,
    "Resize": _resize,
    "Sigmoid": lambda node, inputs, channels: [_layer("Activation", node, inputs, activation="sigmoid")],
    "Sub": _shift,
    "Transpose": _transpose,
}
