"""Parameters under their usual torch names -> a Keras model whose layers carry those names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from recognition.engine.types import ModelFileError

Parameters = Mapping[str, NDArray[Any]]


def load_npz(model: keras.Model, path: Path) -> keras.Model:
    """Fill the model from an ``.npz`` of parameters. Raises ModelFileError when one is missing or has another shape."""
    try:
        with np.load(path) as file:
            assign_by_name(model, {name: file[name] for name in file.files})
    except (OSError, KeyError, ValueError) as error:
        raise ModelFileError(f"{path} does not hold the parameters of {model.name}: {error}") from error
    return model


def assign_by_name(model: keras.Model, parameters: Parameters) -> None:
    """Raises KeyError for a parameter that is missing, ValueError for one of another shape."""
    named = {name.replace(".", "_"): array for name, array in parameters.items()}
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights(
                [named[f"{layer.name}_{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
            )
        elif isinstance(layer, layers.DepthwiseConv2D):
            layer.set_weights([named[f"{layer.name}_weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, layers.Conv2D):
            weights = [named[f"{layer.name}_weight"].transpose(2, 3, 1, 0)]
            layer.set_weights([*weights, named[f"{layer.name}_bias"]] if layer.use_bias else weights)
