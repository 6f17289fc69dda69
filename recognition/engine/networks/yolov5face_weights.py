"""YOLOv5-face from ONNX, Keras H5 or ``.npz`` files.

Parameters are found by their usual names (``model.0.stem_1.conv.weight``) or, where the file has other names, by
order and shape: the convolutions of both networks in the order of ``graphs.ordered``. Batch normalisation may be
there or be folded into the convolutions. Which member of the family a file holds follows from the shapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from keras import layers

from recognition.engine.networks.graphs import Array, Node
from recognition.engine.networks.keras_h5 import model_graph, read_keras_h5
from recognition.engine.networks.onnx_graph import read_onnx
from recognition.engine.networks.yolov5face import BN_EPSILON, CONFIGS, YoloConfig, norm_of, yolov5face
from recognition.engine.types import ModelFileError

NORM_PARTS = ("weight", "bias", "running_mean", "running_var")
ONNX_EPSILON = 1e-5  # what ONNX means when a file says nothing
NAME = re.compile(r"model[._/]\d.*")


@dataclass(frozen=True, slots=True)
class Convolution:
    """kernel: out, in, height, width. norm: gamma, beta, mean and variance of the batch normalisation after it."""

    name: str
    kernel: Array
    bias: Array | None = None
    norm: tuple[Array, ...] = ()
    epsilon: float = BN_EPSILON

    def folded(self) -> tuple[Array, Array]:
        """Kernel and bias with the batch normalisation in them."""
        bias = np.zeros(len(self.kernel), np.float32) if self.bias is None else self.bias
        if not self.norm:
            return self.kernel, bias
        gamma, beta, mean, variance = self.norm
        scale = gamma / np.sqrt(variance + self.epsilon)
        return self.kernel * scale[:, None, None, None], beta + (bias - mean) * scale


def load_yolov5face(path: Path) -> tuple[keras.Model, YoloConfig]:
    """The model of a file and which member of the family it is. Raises ModelFileError when it is none."""
    readers = {".npz": _from_npz, ".onnx": _from_onnx, ".h5": _from_h5, ".hdf5": _from_h5}
    try:
        return yolov5face_of(readers[path.suffix.lower()](path))
    except (OSError, KeyError, ValueError, IndexError, TypeError) as error:
        raise ModelFileError(f"{path} is not a YOLOv5-face that can be read: {error}") from error


def yolov5face_of(convolutions: Sequence[Convolution]) -> tuple[keras.Model, YoloConfig]:
    """The member of the family that has these convolutions. Raises ValueError when there is none."""
    for config in CONFIGS.values():
        model = yolov5face(config)
        wanted = [node.name for node in model_graph(model) if node.kind in ("Conv2D", "DepthwiseConv2D")]
        found = _matched(model, wanted, convolutions)
        if found is None:
            continue
        if not all(convolution.norm for name, convolution in found.items() if not _is_head(name)):
            config = replace(config, folded=True)
            model = yolov5face(config)
        for name, convolution in found.items():
            _assign(model, name, convolution, config.folded or _is_head(name))
        return model, config
    raise ValueError(f"its {len(convolutions)} convolutions are those of none of {', '.join(CONFIGS)}")


def _matched(
    model: keras.Model, wanted: Sequence[str], convolutions: Sequence[Convolution]
) -> dict[str, Convolution] | None:
    """Ours -> theirs, by name or else by order; None when the shapes are not the same."""
    found = {_canonical(convolution.name): convolution for convolution in convolutions}
    if not set(wanted) <= found.keys():
        if len(wanted) != len(convolutions):
            return None
        found = dict(zip(wanted, convolutions, strict=True))
    found = {name: found[name] for name in wanted}
    same = all(found[name].kernel.shape == _shape(model.get_layer(name)) for name in wanted)
    return found if same else None


def _assign(model: keras.Model, name: str, convolution: Convolution, folded: bool) -> None:
    layer = model.get_layer(name)
    kernel, bias = convolution.folded() if folded else (convolution.kernel, None)
    axes = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
    weights = [kernel.transpose(axes)]
    layer.set_weights([*weights, bias] if folded else weights)
    if not folded:
        gamma, beta, mean, variance = convolution.norm
        # A bias before batch normalisation is a shift of the mean.
        shift = 0 if convolution.bias is None else convolution.bias
        norm = model.get_layer(norm_of(name))
        norm.set_weights([gamma, beta, mean - shift, variance])
        norm.epsilon = convolution.epsilon


def _canonical(name: str) -> str:
    found = NAME.search(name)
    return re.sub(r"[./]", "_", found.group()) if found else name


def _is_head(name: str) -> bool:
    return re.fullmatch(r"model_\d+_m_\d", name) is not None


def _shape(layer: keras.layers.Layer) -> tuple[int, ...]:
    """out, in, height, width of our layer."""
    height, width, first, second = layer.kernel.shape
    if isinstance(layer, layers.DepthwiseConv2D):
        return first, second, height, width
    return second, first, height, width


def _from_npz(path: Path) -> list[Convolution]:
    with np.load(path) as file:
        arrays = {_canonical(name): file[name].astype(np.float32, copy=False) for name in file.files}
    convolutions = []
    for key, kernel in arrays.items():
        name = key.removesuffix("_weight")
        if name == key or kernel.ndim != 4:
            continue
        norm: tuple[Array, ...] = ()
        if not _is_head(name) and f"{norm_of(name)}_running_mean" in arrays:
            norm = tuple(arrays[f"{norm_of(name)}_{part}"] for part in NORM_PARTS)
        convolutions.append(Convolution(name, kernel, arrays.get(f"{name}_bias"), norm))
    return convolutions


def _from_onnx(path: Path) -> list[Convolution]:
    def read(node: Node) -> Convolution:
        name = str(node.settings["weight_name"]).removesuffix(".weight")
        return Convolution(name, node.weights[0], node.weights[1] if len(node.weights) > 1 else None)

    return _with_norms(read_onnx(path), {"Conv": read})


def _from_h5(path: Path) -> list[Convolution]:
    def read(axes: tuple[int, ...]) -> Callable[[Node], Convolution]:
        def reader(node: Node) -> Convolution:
            bias = node.weights[1] if len(node.weights) > 1 else None
            return Convolution(node.name, node.weights[0].transpose(axes), bias)

        return reader

    readers = {"Conv2D": read((3, 2, 0, 1)), "DepthwiseConv2D": read((2, 3, 0, 1))}
    return _with_norms(read_keras_h5(path), readers)


def _with_norms(
    nodes: Sequence[Node], readers: Mapping[str, Callable[[Node], Convolution]]
) -> list[Convolution]:
    """The convolutions, each with the batch normalisation that takes its output."""
    convolutions: dict[str, Convolution] = {}
    for node in nodes:
        if node.kind in readers:
            convolutions[node.name] = readers[node.kind](node)
        elif node.kind.startswith("BatchNorm") and node.inputs and node.inputs[0] in convolutions:
            source = node.inputs[0]
            epsilon = float(node.settings.get("epsilon", ONNX_EPSILON))
            convolutions[source] = replace(convolutions[source], norm=node.weights, epsilon=epsilon)
    return list(convolutions.values())
