"""ONNX files of a few hundred bytes, written field by field (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto)."""

from __future__ import annotations

from collections.abc import Sequence

FLOAT = 1


def channel_means(*, stale_input: bool = False) -> bytes:
    """A network from pictures (1, 3, h, w) to the mean of each channel, (1, 3).

    stale_input: a weight stands among the inputs that nothing reads.
    """
    nodes = [_node("GlobalAveragePool", ["data"], ["pooled"]), _node("Flatten", ["pooled"], ["means"])]
    inputs = [_tensor("data", [1, 3, 8, 8])]
    if stale_input:
        inputs.append(_tensor("weight", [3]))
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"tiny")
    graph += b"".join(_field(11, i) for i in inputs) + _field(12, _tensor("means", [1, 3]))
    opset = _field(1, b"") + _number(2, 13)
    return _number(1, 8) + _field(7, graph) + _field(8, opset)


def _node(kind: str, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    names = b"".join(_field(1, name.encode()) for name in inputs)
    names += b"".join(_field(2, name.encode()) for name in outputs)
    return names + _field(3, kind.encode()) + _field(4, kind.encode())


def _tensor(name: str, shape: Sequence[int]) -> bytes:
    dimensions = b"".join(_field(1, _number(1, size)) for size in shape)
    kind = _field(1, _number(1, FLOAT) + _field(2, dimensions))
    return _field(1, name.encode()) + _field(2, kind)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return bytes([number << 3]) + _varint(value)


def _varint(value: int) -> bytes:
    low, high = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(high) if high else bytes([low])
