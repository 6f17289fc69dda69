"""SFace from ONNX files of the OpenCV Zoo, quantised or not, as layers in Keras' terms.

Architecture: MobileNet with PReLU and a dense layer of 128 numbers, from "SFace: Sigmoid-Constrained Hypersphere Loss
for Robust Face Recognition" (2021) and https://github.com/opencv/opencv_zoo (Apache-2.0).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recognition.engine.networks.graphs import Array, Node
from recognition.engine.networks.onnx_graph import read_onnx
from recognition.engine.types import ModelFileError

SIDE = 112
BLOCKS = 27  # convolution, batch normalisation and PReLU
LAYERS = ["Sub", "Mul", *["Conv", "BatchNormalization", "PRelu"] * BLOCKS]
HEAD = ["BatchNormalization", "Flatten", "Gemm", "BatchNormalization"]


def read_sface(path: Path) -> list[Node]:
    """(n, 112, 112, 3) RGB pixels -> (n, 128), not normalised: the layers with their weights, each after its input.

    Raises ModelFileError when the file is no SFace.
    """
    try:
        return sface_of(read_onnx(path))
    except (OSError, KeyError, ValueError, IndexError, TypeError) as error:
        raise ModelFileError(f"{path} is not an SFace in ONNX layout: {error}") from error


def sface_of(operators: list[Node]) -> list[Node]:
    """Raises ValueError or KeyError when the operators are not those of SFace."""
    chain = [node for node in operators if node.kind != "Dropout"]
    if [node.kind for node in chain] != LAYERS + HEAD:
        raise ValueError("its layers are not those of SFace")
    sub, mul, *blocks = chain[: len(LAYERS)]
    norm, _, gemm, last = chain[len(LAYERS) :]
    net = _Chain()
    net.add("InputLayer", batch_shape=(None, SIDE, SIDE, 3))
    scale = float(mul.weights[0].item())
    net.add("Rescaling", scale=scale, offset=-float(sub.weights[0].item()) * scale)
    for conv, conv_norm, prelu in zip(blocks[::3], blocks[1::3], blocks[2::3], strict=True):
        net.conv(conv)
        net.norm(conv_norm)
        net.add("PReLU", prelu.weights[0].reshape(1, 1, -1), shared_axes=[1, 2])
    net.norm(norm)
    net.add("Flatten")
    net.dense(gemm, channels=len(norm.weights[0]))
    net.norm(last)
    return net.nodes


class _Chain:
    """Layers in a row."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def add(self, kind: str, *weights: Array, **settings: Any) -> None:
        name = f"{kind.lower()}_{len(self.nodes)}"
        inputs = (self.nodes[-1].name,) if self.nodes else ()
        self.nodes.append(Node(name, kind, inputs, {"name": name, **settings}, weights))

    def norm(self, node: Node) -> None:
        self.add("BatchNormalization", *node.weights, epsilon=float(node.settings["epsilon"]))

    def conv(self, node: Node) -> None:
        kernel, settings = node.weights[0], node.settings
        size, stride = tuple(kernel.shape[2:]), tuple(settings["strides"])
        around = int(settings["pads"][0])
        if set(settings["pads"]) != {around} or {*settings.get("dilations", [1])} != {1}:
            raise ValueError(f"{node.name} has other pads or dilations than SFace")
        if around:  # on all sides, as Keras' "same" does not with a stride
            self.add("ZeroPadding2D", padding=((around, around), (around, around)))
        window = {"kernel_size": size, "strides": stride, "padding": "valid", "use_bias": False}
        if settings.get("group", 1) == 1:
            self.add("Conv2D", kernel.transpose(2, 3, 1, 0), filters=len(kernel), **window)
        else:
            self.add("DepthwiseConv2D", kernel.transpose(2, 3, 0, 1), **window)

    def dense(self, node: Node, channels: int) -> None:
        """ONNX flattens channels before rows and columns, Keras after them."""
        given, taken = node.weights[0].shape
        side = int(np.sqrt(taken // channels))
        if node.settings.get("transB") != 1:
            raise ValueError(f"{node.name} is turned otherwise than in SFace")
        matrix = node.weights[0].reshape(given, channels, side, side).transpose(2, 3, 1, 0)
        self.add("Dense", matrix.reshape(taken, given), node.weights[1], units=given)
