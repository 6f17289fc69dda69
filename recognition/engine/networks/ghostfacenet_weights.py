"""GhostFaceNetV1 from Keras H5 files in the layout of the official release.

The file's layers and ours are brought into one order by walking both graphs from the output, so neither names nor
the order of creation matter; a difference in kind, order or shape is an error, never a wrong model.
"""

from __future__ import annotations

from pathlib import Path

import keras

from recognition.engine.networks.ghostfacenet import LAST, GhostFaceNetConfig, channels, ghostfacenet
from recognition.engine.networks.graphs import Node
from recognition.engine.networks.keras_h5 import model_graph, read_keras_h5
from recognition.engine.types import ModelFileError

WEIGHTED = ("Conv2D", "DepthwiseConv2D", "BatchNormalization", "PReLU", "Dense")
SAME = ("kernel_size", "strides", "padding", "dilation_rate")
WIDTHS = [step / 20 for step in range(2, 81)]


def load_ghostfacenet(path: Path) -> keras.Model:
    """The model of the file. Raises ModelFileError when it is no GhostFaceNetV1 in this layout."""
    try:
        return ghostfacenet_of(read_keras_h5(path))
    except (OSError, KeyError, ValueError, IndexError, TypeError) as error:
        raise ModelFileError(f"{path} is not a GhostFaceNetV1 in Keras H5 layout: {error}") from error


def ghostfacenet_of(nodes: list[Node]) -> keras.Model:
    """Raises ValueError or KeyError when the layers are not those of GhostFaceNetV1."""
    theirs = [node for node in nodes if node.kind in WEIGHTED]
    model = ghostfacenet(_config(theirs))
    ours = [node for node in model_graph(model) if node.kind in WEIGHTED]
    if [node.kind for node in theirs] != [node.kind for node in ours]:
        raise ValueError("its layers are not those of GhostFaceNetV1")
    for their, our in zip(theirs, ours, strict=True):
        for setting in SAME:
            if _plain(their, setting) != _plain(our, setting):
                raise ValueError(f"{their.name} has another {setting} than GhostFaceNetV1")
        layer = model.get_layer(our.name)
        layer.set_weights(their.weights)
        if their.kind == "BatchNormalization":
            layer.epsilon, layer.momentum = their.settings["epsilon"], their.settings["momentum"]
    return model


def _config(theirs: list[Node]) -> GhostFaceNetConfig:
    convs = [node.settings for node in theirs if node.kind == "Conv2D"]
    norms = [node.settings for node in theirs if node.kind == "BatchNormalization"]
    stem, last, head = convs[0], convs[-2], convs[-1]
    sizes = (stem["filters"], last["filters"])
    width = next((w for w in WIDTHS if (channels(16 * w), channels(LAST * w)) == sizes), None)
    if width is None:
        raise ValueError(f"no width gives {sizes[0]} and {sizes[1]} channels")
    return GhostFaceNetConfig(
        width=width,
        stride=int(stem["strides"][0]),
        activation="prelu" if any(node.kind == "PReLU" for node in theirs) else "relu",
        embedding=int(head["filters"]),
        bn_momentum=float(norms[0]["momentum"]),
        bn_epsilon=float(norms[0]["epsilon"]),
        head_bias=bool(head["use_bias"]),
    )


def _plain(node: Node, setting: str) -> object:
    value = node.settings.get(setting)
    if setting == "padding" and list(node.settings.get("kernel_size", ())) == [1, 1]:
        return "any"  # a 1x1 convolution needs none
    return tuple(value) if isinstance(value, list) else value
