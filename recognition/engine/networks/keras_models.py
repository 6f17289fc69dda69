"""Lists of layers -> Keras models. Keras 3 on any backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from recognition.engine.networks.graphs import Node


@keras.saving.register_keras_serializable("ghostfacenet")
class HardSigmoid(layers.Layer):
    """Keras 2's hard sigmoid, clip(0.2 x + 0.5, 0, 1). Keras 3's has the slope 1/6, which these weights do not mean."""

    def call(self, x: Any) -> Any:
        return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def keras_model(nodes: Sequence[Node], name: str, outputs: Sequence[str] = ()) -> keras.Model:
    """nodes: each after its inputs, the first the only input; with or without weights. outputs: names of those whose
    results are wanted, the last one's unless given.

    Raises ValueError when weights do not fit.
    """
    found: dict[str, Any] = {}
    for node in nodes:
        if node.kind == "InputLayer":
            found[node.name] = layers.Input(batch_shape=node.settings["batch_shape"])
            continue
        kind = HardSigmoid if node.kind == "HardSigmoid" else getattr(layers, node.kind)
        layer = kind.from_config(dict(node.settings))
        inputs = [found[name] for name in node.inputs]
        found[node.name] = layer(inputs if len(inputs) > 1 else inputs[0])
        if node.weights:
            layer.set_weights(node.weights)
    wanted = [found[output] for output in outputs] if outputs else found[nodes[-1].name]
    return keras.Model(found[nodes[0].name], wanted, name=name)
