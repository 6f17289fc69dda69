"""GhostFaceNetV1 from Keras H5 files in the layout of the official release.

The file's layers and ours are brought into one order by walking both graphs from the output, so neither names nor
the order of creation matter; a difference in kind, order or shape is an error, never a wrong model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recognition.engine.networks.ghostfacenet import LAST, GhostFaceNetConfig, channels, ghostfacenet_graph
from recognition.engine.networks.graphs import Node, ordered
from recognition.engine.networks.keras_h5 import read_keras_h5
from recognition.engine.types import ModelFileError

if TYPE_CHECKING:
    import keras

# Kinds of layers that have weights, and how many arrays without a bias.
PARAMETERS = {"Conv2D": 1, "DepthwiseConv2D": 1, "BatchNormalization": 4, "PReLU": 1, "Dense": 1}
SAME = ("filters", "kernel_size", "strides", "padding", "dilation_rate")
TAKEN = ("epsilon", "momentum")  # of batch normalisations, from the file
WIDTHS = [step / 20 for step in range(2, 81)]


def load_ghostfacenet(path: Path) -> keras.Model:
    """The Keras model of the file. Raises ModelFileError as `read_ghostfacenet` does."""
    from recognition.engine.networks.keras_models import keras_model

    nodes = read_ghostfacenet(path)
    try:
        return keras_model(nodes, "ghostfacenet")
    except ValueError as error:
        raise _none(path, error) from error


def read_ghostfacenet(path: Path) -> list[Node]:
    """The layers of the file with their weights, each after its inputs. Needs neither Keras nor TensorFlow.

    Raises ModelFileError when it is no GhostFaceNetV1 in this layout.
    """
    try:
        return ghostfacenet_of(read_keras_h5(path))
    except (OSError, KeyError, ValueError, IndexError, TypeError) as error:
        raise _none(path, error) from error


def _none(path: Path, error: Exception) -> ModelFileError:
    return ModelFileError(f"{path} is not a GhostFaceNetV1 in Keras H5 layout: {error}")


def ghostfacenet_of(nodes: Sequence[Node]) -> list[Node]:
    """Raises ValueError or KeyError when the layers are not those of GhostFaceNetV1."""
    theirs = [node for node in nodes if node.kind in PARAMETERS]
    graph = ghostfacenet_graph(_config(theirs))
    walk = ordered({node.name: node for node in graph}, [graph[-1].name])
    ours = [node for node in walk if node.kind in PARAMETERS]
    if [node.kind for node in theirs] != [node.kind for node in ours]:
        raise ValueError("its layers are not those of GhostFaceNetV1")
    filled = {our.name: _filled(our, their) for our, their in zip(ours, theirs, strict=True)}
    return [filled.get(node.name, node) for node in graph]


def _filled(our: Node, their: Node) -> Node:
    """Our layer with the weights of theirs."""
    for setting in SAME:
        if _plain(their, setting) != _plain(our, setting):
            raise ValueError(f"{their.name} has another {setting} than GhostFaceNetV1")
    if len(their.weights) != PARAMETERS[our.kind] + bool(our.settings.get("use_bias")):
        raise ValueError(f"{their.name} has {len(their.weights)} arrays of weights")
    settings = dict(our.settings)
    if our.kind == "BatchNormalization":
        settings.update((name, float(their.settings[name])) for name in TAKEN)
    return replace(our, settings=settings, weights=their.weights)


def _config(theirs: Sequence[Node]) -> GhostFaceNetConfig:
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
