"""ONNX files as graphs: operators with their initialisers. Needs the package ``onnx``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recognition.engine.networks.graphs import Node, ordered


def read_onnx(path: Path) -> list[Node]:
    """The operators in the order of ``ordered``; weights are the inputs that are constants, as stored.

    Raises ValueError when the file is not ONNX.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path))
    except DecodeError as error:
        raise ValueError(f"it is not an ONNX file ({error})") from error
    return _graph(model.graph, onnx.numpy_helper.to_array, onnx.helper.get_attribute_value)


def _graph(graph: Any, to_array: Any, value_of: Any) -> list[Node]:
    constants = {tensor.name: to_array(tensor) for tensor in graph.initializer}
    producers: dict[str, str] = {}
    nodes: dict[str, Node] = {}
    for node in graph.node:
        settings = {attribute.name: value_of(attribute) for attribute in node.attribute}
        if node.op_type == "Constant" and "value" in settings:
            constants[node.output[0]] = to_array(settings["value"])
            continue
        if node.op_type == "Identity" and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]]
            continue
        # The weights' own name says which layer they belong to; the operator's often says nothing.
        first = next((name for name in node.input if name in constants), "")
        settings["weight_name"] = first
        name = node.output[0]
        producers.update(dict.fromkeys(node.output, name))
        nodes[name] = Node(
            name,
            node.op_type,
            tuple(producers[source] for source in node.input if source in producers),
            settings,
            tuple(constants[source] for source in node.input if source in constants),
        )
    return ordered(nodes, [producers[output.name] for output in graph.output if output.name in producers])
