"""ONNX files as graphs: operators with their constants.

The format is protocol buffers; the numbers of the fields are those of ``onnx.proto`` (https://github.com/onnx/onnx).
Few of them matter here, so they are read without a package for it.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recognition.engine.networks.graphs import Array, Node, ordered

Message = dict[int, list[Any]]  # of each field its values: numbers, or the bytes of what is longer
VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5  # how a field is written
GRAPH = 7
NODES, INITIALISERS, OUTPUTS = 1, 5, 12
TYPES = {1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 10: "<f2", 11: "<f8"}


def read_onnx(path: Path) -> list[Node]:
    """The operators in the order of ``ordered``; weights are the inputs that are constants, quantised ones as numbers.

    Raises OSError, or ValueError when the file is not ONNX.
    """
    try:
        graph = _message(_message(memoryview(path.read_bytes()))[GRAPH][0])
        return _graph(graph)
    except (IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"it is not an ONNX file ({error!r})") from error


def _graph(graph: Message) -> list[Node]:
    constants = {_text(tensor[8]): _array(tensor) for tensor in map(_message, graph[INITIALISERS])}
    producers: dict[str, str] = {}
    nodes: dict[str, Node] = {}
    for node in map(_message, graph[NODES]):
        inputs = [_text([name]) for name in node[1]]
        outputs = [_text([name]) for name in node[2]]
        kind = _text(node[4])
        settings = dict(map(_attribute, map(_message, node[5])))
        constant = _constant(kind, settings, [constants.get(name) for name in inputs])
        if constant is not None:
            constants[outputs[0]] = constant
            continue
        # The weights' own name says which layer they belong to; the operator's often says nothing.
        settings["weight_name"] = next((name for name in inputs if name in constants), "")
        producers.update(dict.fromkeys(outputs, outputs[0]))
        nodes[outputs[0]] = Node(
            outputs[0],
            kind,
            tuple(producers[source] for source in inputs if source in producers),
            settings,
            tuple(constants[source] for source in inputs if source in constants),
        )
    found = [_text(_message(output)[1]) for output in graph[OUTPUTS]]
    return ordered(nodes, [producers[name] for name in found if name in producers])


def _constant(kind: str, settings: dict[str, Any], inputs: Sequence[Array | None]) -> Array | None:
    """What an operator gives for constants alone; None when it has to be computed."""
    if kind == "Constant" and "value" in settings:
        return np.asarray(settings["value"])
    known = [array for array in inputs if array is not None]
    if not known or len(known) < len(inputs):
        return None
    if kind == "Identity":
        return known[0]
    if kind == "Reshape":
        return known[0].reshape([int(size) for size in known[1]])
    if kind == "DequantizeLinear":
        return _dequantised(known, int(settings.get("axis", 1)), int(settings.get("block_size", 0)))
    return None


def _dequantised(inputs: Sequence[Array], axis: int, block: int) -> Array:
    """inputs: numbers, their scales and, if there is one, their zero points; these for all, for each index of the
    axis, or for each block of so many indexes."""
    numbers = inputs[0].astype(np.float32)

    def spread(values: Array) -> Array:
        if block:
            return np.repeat(values, block, axis).take(range(numbers.shape[axis]), axis)
        if values.ndim == 1 and values.size > 1:
            return values.reshape([-1 if number == axis else 1 for number in range(numbers.ndim)])
        return values

    zero = spread(inputs[2].astype(np.float32)) if len(inputs) > 2 else np.float32(0)
    return np.asarray((numbers - zero) * spread(inputs[1].astype(np.float32)), np.float32)


def _array(tensor: Message) -> Array:
    shape = list(_numbers(tensor[1]))
    kind = tensor[2][0]
    if kind not in TYPES or tensor[13]:
        raise ValueError(f"it holds a tensor of an unknown type ({kind}) or in another file")
    if tensor[9]:
        return np.frombuffer(tensor[9][0], TYPES[kind]).reshape(shape)
    if tensor[4]:
        return np.array(_floats(tensor[4]), TYPES[kind]).reshape(shape)
    return np.array(list(_numbers(tensor[5] or tensor[7])), TYPES[kind]).reshape(shape)


def _attribute(attribute: Message) -> tuple[str, Any]:
    """Name and value; the kinds of values that no operator here has are None."""
    if attribute[5]:
        value: Any = _array(_message(attribute[5][0]))
    elif attribute[2]:
        value = _floats(attribute[2])[0]
    elif attribute[3]:
        value = next(_numbers(attribute[3]))
    elif attribute[4]:
        value = bytes(attribute[4][0])
    elif attribute[8]:
        value = list(_numbers(attribute[8]))
    else:
        value = _floats(attribute[7]) or None
    return _text(attribute[1]), value


def _text(values: Sequence[Any]) -> str:
    return bytes(values[0]).decode() if values else ""


def _numbers(values: Sequence[Any]) -> Iterator[int]:
    """Written one by one or all in one field."""
    for value in values:
        if isinstance(value, int):
            yield _signed(value)
            continue
        place = 0
        while place < len(value):
            number, place = _varint(value, place)
            yield _signed(number)


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _floats(values: Sequence[Any]) -> list[float]:
    return [float(number) for value in values for number in np.frombuffer(value, "<f4")]


def _message(data: Any) -> Message:
    found: Message = defaultdict(list)
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == VARINT:
            value, place = _varint(data, place)
        else:
            size = {EIGHT_BYTES: 8, FOUR_BYTES: 4}.get(kind)
            if size is None:
                if kind != LENGTH:
                    raise ValueError("it is not an ONNX file")
                size, place = _varint(data, place)
            value, place = data[place : place + size], place + size
            if place > len(data):
                raise ValueError("it is not an ONNX file, or cut short")
        found[key >> 3].append(value)
    return found


def _varint(data: Any, place: int) -> tuple[int, int]:
    """Seven bits a byte, the lowest first; and where it ends."""
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
