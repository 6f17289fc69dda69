"""Networks as layers in Keras' terms -> LiteRT files. Needs neither Keras nor TensorFlow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from recognition.engine.networks.graphs import Array, Node
from recognition.engine.networks.litert_writer import Tensor, Writer

ACCEPTED = {  # settings of layers that are read here but for these values
    "activation": "linear",
    "data_format": "channels_last",
    "depth_multiplier": 1,
    "dilation_rate": 1,
    "groups": 1,
}


def to_litert(
    nodes: Sequence[Node], shape: Sequence[int], outputs: Sequence[str] = (), *, half: bool = False
) -> bytes:
    """The network for inputs of this shape; LiteRT can resize the first axis, at the price of preparing anew.

    nodes: layers in the order of `graphs.ordered`, with their weights. outputs: names of those whose results are
    wanted, the last one's unless given. half: see `litert_writer.Writer.finish`. Raises ValueError for a layer or a
    setting that is not known here, and for weights that do not fit.
    """
    writer = Writer()
    outputs = outputs or [nodes[-1].name]
    found: dict[str, Tensor] = {}
    for node in folded(nodes, outputs):
        if node.kind == "InputLayer":
            found[node.name] = writer.input(shape)
        elif node.kind == "Folded":
            found[node.name] = found[node.inputs[0]]
        else:
            found[node.name] = _written(writer, node, [found[name] for name in node.inputs])
    return writer.finish([found[name] for name in outputs], half=half)


def folded(nodes: Sequence[Node], outputs: Sequence[str]) -> list[Node]:
    """The same function with each batch normalisation in the layer before it, where that serves nothing else.

    Such a normalisation becomes a node of the kind "Folded", which gives what it takes.
    """
    uses = Counter([*outputs, *(name for node in nodes for name in node.inputs)])
    found: dict[str, Node] = {}
    for node in nodes:
        source = found.get(node.inputs[0]) if node.inputs else None
        if (
            node.kind == "BatchNormalization"
            and source
            and source.kind in CHANNELS
            and uses[source.name] == 1
        ):
            scale, shift = _scale_and_shift(node)
            kernel, *bias = source.weights
            before = bias[0] if bias else np.zeros(len(scale), np.float32)
            weights = (kernel * _shaped(scale, kernel, CHANNELS[source.kind]), before * scale + shift)
            found[source.name] = replace(
                source, weights=weights, settings={**source.settings, "use_bias": True}
            )
            node = replace(node, kind="Folded", weights=())
        found[node.name] = node
    return list(found.values())


# Which axis of its first weights is that of the outputs.
CHANNELS = {"Conv2D": 3, "DepthwiseConv2D": 2, "Dense": 1}


def _shaped(scale: Array, kernel: Array, axis: int) -> Array:
    if kernel.shape[axis] != len(scale):
        raise ValueError(f"weights of {kernel.shape} are followed by {len(scale)} normalised channels")
    return scale.reshape([-1 if number == axis else 1 for number in range(kernel.ndim)])


def _scale_and_shift(node: Node) -> tuple[Array, Array]:
    gamma, beta, mean, variance = (w.astype(np.float64) for w in node.weights)
    if not gamma.shape == beta.shape == mean.shape == variance.shape:
        raise ValueError(f"{node.name} normalises different numbers of channels")
    scale = gamma / np.sqrt(variance + node.settings["epsilon"])
    return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)


def _written(writer: Writer, node: Node, inputs: list[Tensor]) -> Tensor:
    kind = node.kind.rpartition(">")[2]  # a registered class has its package before it
    if kind not in LAYERS:
        raise ValueError(f"{node.name} is a {kind}, which is not known here")
    for setting, accepted in ACCEPTED.items():
        value = node.settings.get(setting, accepted)
        if kind != "Activation" and np.any(np.asarray(value) != accepted):
            raise ValueError(f"{node.name} has the {setting} {value}, which is not known here")
    return LAYERS[kind](writer, node, inputs)


def _conv(writer: Writer, node: Node, inputs: list[Tensor]) -> Tensor:
    kernel, bias = _with_bias(node)
    add = writer.conv if node.kind == "Conv2D" else writer.depthwise
    return add(inputs[0], kernel, bias, _one(node, "strides"), node.settings["padding"])


def _dense(writer: Writer, node: Node, inputs: list[Tensor]) -> Tensor:
    return writer.dense(inputs[0], *_with_bias(node))


def _with_bias(node: Node) -> tuple[Array, Array]:
    kernel, *bias = node.weights
    return kernel, bias[0] if bias else np.zeros(kernel.shape[CHANNELS[node.kind]], np.float32)


def _norm(writer: Writer, node: Node, inputs: list[Tensor]) -> Tensor:
    scale, shift = _scale_and_shift(node)
    return writer.add(writer.multiply(inputs[0], scale), shift)


def _rescaling(writer: Writer, node: Node, inputs: list[Tensor]) -> Tensor:
    (x,), scale, offset = inputs, node.settings["scale"], node.settings["offset"]
    x = x if scale == 1 else writer.multiply(x, np.array(scale))
    return x if offset == 0 else writer.add(x, np.array(offset))


def _activation(writer: Writer, node: Node, inputs: list[Tensor]) -> Tensor:
    kind = node.settings["activation"]
    if kind not in ("sigmoid", "silu"):
        raise ValueError(f"{node.name} is {kind}, which is not known here")
    sigmoid = writer.sigmoid(inputs[0])
    return sigmoid if kind == "sigmoid" else writer.multiply(inputs[0], sigmoid)


def _hard_sigmoid(writer: Writer, node: Node, inputs: list[Tensor]) -> Tensor:
    scaled = writer.add(writer.multiply(inputs[0], np.array(0.2)), np.array(0.5))
    return writer.relu(writer.minimum(scaled, 1.0))


def _mean(writer: Writer, node: Node, inputs: list[Tensor]) -> Tensor:
    return writer.mean(inputs[0], bool(node.settings.get("keepdims")))


def _maximum(writer: Writer, node: Node, inputs: list[Tensor]) -> Tensor:
    size, stride = _one(node, "pool_size"), _one(node, "strides")
    return writer.maximum_of(inputs[0], size, stride, node.settings["padding"])


def _pad(writer: Writer, node: Node, inputs: list[Tensor]) -> Tensor:
    rows, columns = node.settings["padding"]
    return writer.pad(inputs[0], tuple(rows), tuple(columns))


def _doubled(writer: Writer, node: Node, inputs: list[Tensor]) -> Tensor:
    if _one(node, "size") != 2 or node.settings["interpolation"] != "nearest":
        raise ValueError(f"{node.name} enlarges otherwise than is known here")
    return writer.doubled(inputs[0])


def _rows(writer: Writer, node: Node, inputs: list[Tensor]) -> Tensor:
    if tuple(node.settings["target_shape"]) != (-1, inputs[0].shape[-1]):
        raise ValueError(f"{node.name} reshapes to {node.settings['target_shape']}, which is not known here")
    return writer.rows(inputs[0])


def _one(node: Node, setting: str) -> int:
    """A setting that is the same for height and width."""
    values = {int(value) for value in np.ravel(node.settings[setting])}
    if len(values) != 1:
        raise ValueError(f"{node.name} has the {setting} {node.settings[setting]}, which is not known here")
    return values.pop()


LAYERS: dict[str, Callable[[Writer, Node, list[Tensor]], Tensor]] = {
    "Activation": _activation,
    "Add": lambda writer, node, inputs: writer.add(*inputs),
    "BatchNormalization": _norm,
    "Channels": lambda w, node, x: w.channels(x[0], node.settings["start"], node.settings["stop"]),
    "Concatenate": lambda writer, node, inputs: writer.concatenate(inputs),
    "Conv2D": _conv,
    "Dense": _dense,
    "DepthwiseConv2D": _conv,
    "Flatten": lambda writer, node, x: writer.reshape(x[0], [int(np.prod(x[0].shape[1:]))]),
    "GlobalAveragePooling2D": _mean,
    "HardSigmoid": _hard_sigmoid,
    "MaxPooling2D": _maximum,
    "Multiply": lambda writer, node, inputs: writer.multiply(*inputs),
    "PReLU": lambda writer, node, inputs: writer.prelu(inputs[0], node.weights[0]),
    "ReLU": lambda writer, node, inputs: writer.relu(inputs[0]),
    "Rescaling": _rescaling,
    "Reshape": _rows,
    "UpSampling2D": _doubled,
    "ZeroPadding2D": _pad,
}


def write(path: Path, content: bytes) -> None:
    """Beside and then in place, so that a reader never meets half a file."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
