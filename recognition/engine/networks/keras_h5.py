"""Keras H5 files (configuration and weights, of Keras 2 or 3) and Keras models as graphs. Runs nothing of the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from recognition.engine.networks.graphs import Array, Node, ordered

if TYPE_CHECKING:
    import keras


def read_keras_h5(path: Path) -> list[Node]:
    """The layers of the file in the order of ``ordered``.

    Raises OSError when it is no HDF5 file, KeyError or ValueError when it is not a functional Keras model with its
    weights.
    """
    with h5py.File(path) as file:
        document = json.loads(file.attrs["model_config"])
        weights = file["model_weights"]
        found = {name: _arrays(weights[name]) for name in weights}
    return graph(document, found)


def model_graph(model: keras.Model) -> list[Node]:
    """The layers of a model in the same order, with their weights."""
    weights = {layer.name: tuple(layer.get_weights()) for layer in model.layers}
    return graph({"config": model.get_config()}, weights)


def output_names(model: keras.Model) -> list[str]:
    """The layers whose results are those of the model, in its order."""
    return _outputs(model.get_config()["output_layers"])


def graph(document: Mapping[str, Any], weights: Mapping[str, tuple[Array, ...]]) -> list[Node]:
    config = document["config"]
    if "output_layers" not in config:
        raise ValueError("it is not a functional model")
    nodes = {
        layer["config"]["name"]: Node(
            layer["config"]["name"],
            layer["class_name"],
            tuple(_sources(layer["inbound_nodes"])),
            layer["config"],
            weights.get(layer["config"]["name"], ()),
        )
        for layer in config["layers"]
    }
    return ordered(nodes, _outputs(config["output_layers"]))


def _arrays(group: Any) -> tuple[Array, ...]:
    """As float32, whatever they are stored in."""
    return tuple(np.asarray(group[name], np.float32) for name in group.attrs.get("weight_names", ()))


def _outputs(entry: Any) -> list[str]:
    """``["name", 0, 0]`` or a list (or dictionary) of such."""
    if isinstance(entry, dict):
        return [name for value in entry.values() for name in _outputs(value)]
    if entry and isinstance(entry[0], str):
        return [entry[0]]
    return [name for value in entry for name in _outputs(value)]


def _sources(entry: Any) -> Iterator[str]:
    """Keras 2 writes ``[[["name", 0, 0, {}], ...]]``, Keras 3 tensors with a ``keras_history``."""
    if isinstance(entry, dict):
        if "keras_history" in entry:
            yield entry["keras_history"][0]
        else:
            for value in entry.values():
                yield from _sources(value)
    elif isinstance(entry, list | tuple):
        if len(entry) >= 3 and isinstance(entry[0], str) and isinstance(entry[1], int):
            yield entry[0]
        else:
            for value in entry:
                yield from _sources(value)
