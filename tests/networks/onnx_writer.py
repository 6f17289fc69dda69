"""Writes a Keras YOLOv5-face as an ONNX graph, as exporters do: named or anonymous, batch normalisation folded or not.

Only convolutions and batch normalisations carry their real parameters; the reader looks at nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from recognition.engine.networks.keras_h5 import model_graph
from recognition.engine.networks.yolov5face import norm_of

NORM = ("weight", "bias", "running_mean", "running_var")


def parameters(model: keras.Model) -> dict[str, NDArray[Any]]:
    """The model's weights under torch names with ``_`` for ``.``, convolutions as out, in, height, width."""
    found: dict[str, NDArray[Any]] = {}
    for layer in model.layers:
        weights = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            found.update((f"{layer.name}_{part}", w) for part, w in zip(NORM, weights, strict=True))
        elif weights:
            axes = (2, 3, 0, 1) if isinstance(layer, keras.layers.DepthwiseConv2D) else (3, 2, 0, 1)
            found[f"{layer.name}_weight"] = weights[0].transpose(axes)
            if layer.use_bias:
                found[f"{layer.name}_bias"] = weights[1]
    return found


def write_onnx(path: Path, model: keras.Model, *, folded: bool, named: bool) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    arrays = parameters(model)
    nodes, constants = [], []
    output_of: dict[str, str] = {}

    def constant(name: str, value: NDArray[Any]) -> str:
        label = f"m.{name}" if named else f"onnx::Conv_{len(constants) + 700}"
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), label))
        return label

    for node in model_graph(model):
        inputs = [output_of[source] for source in node.inputs]
        output = output_of[node.name] = f"/t{len(output_of)}"
        if node.kind == "InputLayer":
            output_of[node.name] = "images"
        elif node.kind in ("Conv2D", "DepthwiseConv2D"):
            kernel, bias = arrays[f"{node.name}_weight"], arrays.get(f"{node.name}_bias")
            if folded and bias is None:
                gamma, beta, mean, variance = (arrays[f"{norm_of(node.name)}_{part}"] for part in NORM)
                scale = gamma / np.sqrt(variance + 1e-3)
                kernel, bias = kernel * scale[:, None, None, None], beta - mean * scale
            inputs.append(constant(f"{node.name}.weight", kernel))
            if bias is not None:
                inputs.append(constant(f"{node.name}.bias", bias))
            nodes.append(helper.make_node("Conv", inputs, [output]))
        elif node.kind == "BatchNormalization" and folded:
            output_of[node.name] = inputs[0]
        elif node.kind == "BatchNormalization":
            inputs += [constant(f"{node.name}.{part}", arrays[f"{node.name}_{part}"]) for part in NORM]
            nodes.append(helper.make_node("BatchNormalization", inputs, [output], epsilon=1e-3))
        else:
            nodes.append(helper.make_node(node.kind, inputs, [output]))
    infos = [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 320, 320])]
    names = [output_of[tensor._keras_history.operation.name] for tensor in model.outputs]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    graph = helper.make_graph(nodes, "yolov5face", infos, outputs, constants)
    onnx.save(helper.make_model(graph), str(path))
