"""LiteRT files, written operation by operation. Needs neither TensorFlow nor Keras.

The file is a flatbuffer in the form of LiteRT's ``schema.fbs``, made with the classes that the package ai-edge-litert
generates from it. Only what its fast kernels (XNNPACK) run is offered here, so that a written network is run by them as
a whole. Pictures may have another size than the file says where nothing is reshaped; LiteRT prepares itself anew then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from recognition.engine.networks.graphs import Array

HALF_FROM = 32_768  # numbers: constants of so many are stored in half precision
VERSIONS = {"DEQUANTIZE": 3}  # of an operation, where it is not 1: since when it widens float16


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """shape: of one input; the first axis is the batch. data: what a constant holds."""

    shape: tuple[int, ...]
    data: Array | None = None


@dataclass(frozen=True, slots=True)
class _Operation:
    kind: str
    inputs: tuple[Tensor, ...]
    output: Tensor
    options: Any


class Writer:
    """Each method adds an operation and returns what it computes; heights and widths are those of the schema's NHWC.

    All raise ValueError when the shapes do not fit. Kernels and matrices are taken in Keras' order of axes.
    """

    def __init__(self) -> None:
        self._inputs: list[Tensor] = []
        self._operations: list[_Operation] = []

    def input(self, shape: Sequence[int]) -> Tensor:
        self._inputs.append(Tensor(tuple(shape)))
        return self._inputs[-1]

    def conv(self, x: Tensor, kernel: Array, bias: Array, stride: int, padding: str) -> Tensor:
        """kernel: (height, width, in, out). padding: "same" or "valid"."""
        height, width, taken, given = kernel.shape
        _check(taken == x.shape[-1] and bias.shape == (given,), "a convolution", kernel, x)
        options = schema.Conv2DOptionsT(padding=_padding(padding), strideW=stride, strideH=stride)
        shape = _windows(x.shape, (height, width), stride, padding, given)
        return self._add(
            "CONV_2D", options, shape, x, _constant(kernel.transpose(3, 0, 1, 2)), _constant(bias)
        )

    def depthwise(self, x: Tensor, kernel: Array, bias: Array, stride: int, padding: str) -> Tensor:
        """kernel: (height, width, channels, 1)."""
        height, width, channels, each = kernel.shape
        fits = (channels, each) == (x.shape[-1], 1) and bias.shape == (channels,)
        _check(fits, "a depthwise convolution", kernel, x)
        options = schema.DepthwiseConv2DOptionsT(
            padding=_padding(padding), strideW=stride, strideH=stride, depthMultiplier=1
        )
        shape = _windows(x.shape, (height, width), stride, padding, channels)
        constant = _constant(kernel.reshape(1, height, width, channels))
        return self._add("DEPTHWISE_CONV_2D", options, shape, x, constant, _constant(bias))

    def dense(self, x: Tensor, matrix: Array, bias: Array) -> Tensor:
        """matrix: (in, out)."""
        fits = matrix.ndim == len(x.shape) == 2 and matrix.shape == (x.shape[1], len(bias))
        _check(fits, "a dense layer", matrix, x)
        options = schema.FullyConnectedOptionsT()
        shape = (x.shape[0], matrix.shape[1])
        return self._add("FULLY_CONNECTED", options, shape, x, _constant(matrix.T), _constant(bias))

    def prelu(self, x: Tensor, slopes: Array) -> Tensor:
        """slopes: of each channel."""
        _check(slopes.size == x.shape[-1], "a PReLU", slopes, x)
        shape = (*(1 for _ in x.shape[2:]), slopes.size)
        return self._add("PRELU", None, x.shape, x, _constant(slopes.reshape(shape)))

    def relu(self, x: Tensor) -> Tensor:
        return self._add("RELU", None, x.shape, x)

    def sigmoid(self, x: Tensor) -> Tensor:
        return self._add("LOGISTIC", None, x.shape, x)

    def minimum(self, x: Tensor, value: float) -> Tensor:
        return self._add("MINIMUM", None, x.shape, x, _constant(np.array(value)))

    def add(self, x: Tensor, other: Tensor | Array) -> Tensor:
        return self._joined("ADD", schema.AddOptionsT(), x, other)

    def multiply(self, x: Tensor, other: Tensor | Array) -> Tensor:
        return self._joined("MUL", schema.MulOptionsT(), x, other)

    def concatenate(self, tensors: Sequence[Tensor]) -> Tensor:
        """Along the channels."""
        first = tensors[0].shape[:-1]
        if any(tensor.shape[:-1] != first for tensor in tensors):
            raise ValueError(f"tensors of {[t.shape for t in tensors]} are concatenated")
        shape = (*first, sum(tensor.shape[-1] for tensor in tensors))
        return self._add("CONCATENATION", schema.ConcatenationOptionsT(axis=-1), shape, *tensors)

    def channels(self, x: Tensor, start: int, stop: int) -> Tensor:
        """A range of the channels."""
        options = schema.StridedSliceOptionsT(beginMask=7, endMask=7)
        begin, end, steps = (
            _integers([*(0 for _ in x.shape[1:]), start]),
            _integers([*(0 for _ in x.shape[1:]), stop]),
            _integers([1 for _ in x.shape]),
        )
        return self._add("STRIDED_SLICE", options, (*x.shape[:-1], stop - start), x, begin, end, steps)

    def mean(self, x: Tensor, keep: bool) -> Tensor:
        """Over height and width. keep: them, as axes of one."""
        batch, *_, channels = x.shape
        shape = (batch, 1, 1, channels) if keep else (batch, channels)
        return self._add("MEAN", schema.ReducerOptionsT(keepDims=keep), shape, x, _integers([1, 2]))

    def maximum_of(self, x: Tensor, size: int, stride: int, padding: str) -> Tensor:
        """The largest number of each window."""
        options = schema.Pool2DOptionsT(
            padding=_padding(padding), strideW=stride, strideH=stride, filterWidth=size, filterHeight=size
        )
        shape = _windows(x.shape, (size, size), stride, padding, x.shape[-1])
        return self._add("MAX_POOL_2D", options, shape, x)

    def pad(self, x: Tensor, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
        """With zeros, at the top and the bottom, to the left and the right."""
        batch, height, width, channels = x.shape
        shape = (batch, height + sum(rows), width + sum(columns), channels)
        return self._add("PAD", schema.PadOptionsT(), shape, x, _integers([[0, 0], rows, columns, [0, 0]]))

    def doubled(self, x: Tensor) -> Tensor:
        """Every pixel four times. Takes pictures of any size, as a reshape would not."""
        batch, height, width, channels = x.shape
        options = schema.DepthToSpaceOptionsT(blockSize=2)
        shape = (batch, 2 * height, 2 * width, channels)
        return self._add("DEPTH_TO_SPACE", options, shape, self.concatenate([x] * 4))

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """shape: of one input, without the batch."""
        if np.prod(shape) != np.prod(x.shape[1:]):
            raise ValueError(f"{x.shape} is reshaped to {tuple(shape)}")
        return self._add(
            "RESHAPE", schema.ReshapeOptionsT(), (x.shape[0], *shape), x, _integers([-1, *shape])
        )

    def rows(self, x: Tensor) -> Tensor:
        """(1, height * width, channels), for one picture of any size."""
        _, height, width, channels = x.shape
        shape = (1, height * width, channels)
        return self._add("RESHAPE", schema.ReshapeOptionsT(), shape, x, _integers([1, -1, channels]))

    def finish(self, outputs: Sequence[Tensor], *, half: bool = False) -> bytes:
        """The file. half: constants of `HALF_FROM` numbers and more are stored in half precision.

        Smaller ones are a small part of a file, and those of depthwise convolutions are few to a sum, so that rounding
        them would move the outputs most.
        """
        return _File(half).packed(self._inputs, self._operations, outputs)

    def _joined(self, kind: str, options: Any, x: Tensor, other: Tensor | Array) -> Tensor:
        if not isinstance(other, Tensor):
            other = _constant(other)
        if np.broadcast_shapes(x.shape, other.shape) != x.shape:
            raise ValueError(f"{other.shape} and {x.shape} are joined")
        return self._add(kind, options, x.shape, x, other)

    def _add(self, kind: str, options: Any, shape: Sequence[int], *inputs: Tensor) -> Tensor:
        self._operations.append(_Operation(kind, inputs, Tensor(tuple(shape)), options))
        return self._operations[-1].output


class _File:
    """Numbers what refers to one another, and packs it."""

    def __init__(self, half: bool) -> None:
        self._half = half
        self._numbers: dict[int, int] = {}
        self._codes: dict[str, int] = {}
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._buffers: list[Any] = [schema.BufferT()]  # the first is that of tensors without content

    def packed(
        self, inputs: Sequence[Tensor], operations: Sequence[_Operation], outputs: Sequence[Tensor]
    ) -> bytes:
        graph, model = schema.SubGraphT(), schema.ModelT()
        graph.inputs = [self._number(tensor, "input") for tensor in inputs]
        for operation in operations:
            numbers = [self._number(tensor) for tensor in operation.inputs]
            self._operator(operation.kind, numbers, [self._number(operation.output)], operation.options)
        graph.outputs = [self._number(tensor) for tensor in outputs]
        graph.tensors, graph.operators, graph.name = self._tensors, self._operators, "main"
        model.version, model.description = 3, "identity site"
        model.subgraphs, model.buffers = [graph], self._buffers
        model.operatorCodes = [_code(kind) for kind in self._codes]
        builder = flatbuffers.Builder(sum(b.data.size for b in self._buffers[1:]) + (1 << 16))
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _number(self, tensor: Tensor, name: str = "") -> int:
        if id(tensor) not in self._numbers:
            self._numbers[id(tensor)] = self._stored(tensor, name)
        return self._numbers[id(tensor)]

    def _stored(self, tensor: Tensor, name: str) -> int:
        data = tensor.data
        if data is None:
            return self._tensor(tensor.shape, "FLOAT32", 0, name)
        if data.dtype.kind == "i":
            return self._tensor(data.shape, "INT32", self._buffer(data.astype("<i4")))
        if not self._half or data.size < HALF_FROM:
            return self._tensor(data.shape, "FLOAT32", self._buffer(data.astype("<f4")))
        half = self._tensor(data.shape, "FLOAT16", self._buffer(data.astype("<f2")))
        wide = self._tensor(data.shape, "FLOAT32", 0)
        self._operator("DEQUANTIZE", [half], [wide], schema.DequantizeOptionsT())
        return wide

    def _buffer(self, data: Array) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(data.tobytes(), np.uint8)
        self._buffers.append(buffer)
        return len(self._buffers) - 1

    def _tensor(self, shape: tuple[int, ...], kind: str, buffer: int, name: str = "") -> int:
        tensor = schema.TensorT()
        tensor.shape = list(shape)
        tensor.type = getattr(schema.TensorType, kind)
        tensor.buffer = buffer
        tensor.name = name or f"t{len(self._tensors)}"
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _operator(self, kind: str, inputs: list[int], outputs: list[int], options: Any) -> None:
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes.setdefault(kind, len(self._codes))
        operator.inputs, operator.outputs = inputs, outputs
        if options is not None:
            name = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType, operator.builtinOptions = (
                getattr(schema.BuiltinOptions, name),
                options,
            )
        self._operators.append(operator)


def _code(kind: str) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
    code.version = VERSIONS.get(kind, 1)
    return code


def _constant(data: Array) -> Tensor:
    return Tensor(data.shape, np.asarray(data, np.float32))


def _integers(data: Any) -> Tensor:
    array = np.array(data, np.int32)
    return Tensor(array.shape, array)


def _padding(padding: str) -> int:
    return int({"same": schema.Padding.SAME, "valid": schema.Padding.VALID}[padding])


def _windows(
    shape: tuple[int, ...], size: tuple[int, int], stride: int, padding: str, channels: int
) -> tuple[int, ...]:
    batch, height, width, _ = shape
    if padding == "valid":
        height, width = height - size[0] + 1, width - size[1] + 1
    return batch, -(-height // stride), -(-width // stride), channels


def _check(fits: bool, what: str, weights: Array, x: Tensor) -> None:
    if not fits:
        raise ValueError(f"{what} with weights of {weights.shape} gets an input of {x.shape}")
