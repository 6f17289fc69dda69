"""Keras 2 H5 files of GhostFaceNets (configuration and weights) -> a Keras 3 model.

The file's layers and ours are brought into the same order by walking both graphs from the output, so neither
names nor the order of creation matter; a difference in kind, order or shape is an error, never a wrong model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from recognition.engine.networks.ghostfacenet import LAST, GhostFaceNetConfig, channels, ghostfacenet
from recognition.engine.types import ModelFileError

WEIGHTED = {"Conv2D", "DepthwiseConv2D", "BatchNormalization", "PReLU"}
WIDTHS = [step / 20 for step in range(2, 81)]


@dataclass(frozen=True, slots=True)
class _Layer:
    name: str
    kind: str
    config: dict[str, Any]
    inputs: tuple[str, ...]


def load_ghostfacenet(path: Path) -> keras.Model:
    """The model of the file. Raises ModelFileError when it is no GhostFaceNetV1 in this layout."""
    try:
        with h5py.File(path) as file:
            found = _from_keras2(json.loads(file.attrs["model_config"]))
            config = _read_config(found)
            model = ghostfacenet(config)
            _assign(model, found, file["model_weights"])
    except (OSError, KeyError, ValueError, StopIteration) as error:
        raise ModelFileError(f"{path} is not a GhostFaceNetV1 in Keras H5 layout: {error}") from error
    return model


def _from_keras2(document: dict[str, Any]) -> list[_Layer]:
    layers = {
        layer["name"]: _Layer(
            layer["name"],
            layer["class_name"],
            layer["config"],
            tuple(node[0] for node in layer["inbound_nodes"][0]) if layer["inbound_nodes"] else (),
        )
        for layer in document["config"]["layers"]
    }
    return _ordered(layers, document["config"]["output_layers"][0][0])


def _from_keras3(model: keras.Model) -> list[_Layer]:
    config = model.get_config()
    layers = {
        layer["name"]: _Layer(
            layer["name"],
            layer["class_name"],
            layer["config"],
            tuple(_histories(layer["inbound_nodes"])),
        )
        for layer in config["layers"]
    }
    return _ordered(layers, model.layers[-1].name)


def _histories(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "keras_history" in node:
            yield node["keras_history"][0]
        else:
            for value in node.values():
                yield from _histories(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _histories(value)


def _ordered(layers: dict[str, _Layer], output: str) -> list[_Layer]:
    """Every layer after its inputs, the inputs in the order in which a layer takes them."""
    order: dict[str, _Layer] = {}
    waiting = [(output, False)]
    while waiting:
        name, inputs_done = waiting.pop()
        if name in order:
            continue
        if inputs_done:
            order[name] = layers[name]
            continue
        waiting.append((name, True))
        waiting += [(source, False) for source in reversed(layers[name].inputs)]
    return list(order.values())


def _read_config(found: list[_Layer]) -> GhostFaceNetConfig:
    convs = [layer.config for layer in found if layer.kind == "Conv2D"]
    norms = [layer.config for layer in found if layer.kind == "BatchNormalization"]
    stem, last, head = convs[0], convs[-2], convs[-1]
    width = next(
        w for w in WIDTHS if (channels(16 * w), channels(LAST * w)) == (stem["filters"], last["filters"])
    )
    return GhostFaceNetConfig(
        width=width,
        stride=int(stem["strides"][0]),
        activation="prelu" if any(layer.kind == "PReLU" for layer in found) else "relu",
        embedding=int(head["filters"]),
        bn_momentum=float(norms[0]["momentum"]),
        bn_epsilon=float(norms[0]["epsilon"]),
        head_bias=bool(head["use_bias"]),
    )


def _assign(model: keras.Model, found: list[_Layer], weights: Any) -> None:
    theirs = [layer for layer in found if layer.kind in WEIGHTED]
    ours = [layer for layer in _from_keras3(model) if layer.kind in WEIGHTED]
    if [layer.kind for layer in theirs] != [layer.kind for layer in ours]:
        raise ValueError("its layers are not those of GhostFaceNetV1")
    for their, our in zip(theirs, ours, strict=True):
        group = weights[their.name]
        arrays = [np.asarray(group[name]) for name in group.attrs["weight_names"]]
        model.get_layer(our.name).set_weights(arrays)
