"""A trained YOLOv5-face -> the same function without batch normalisation and without channel shuffles.

A shuffle only renames channels, and so does a renaming of the inputs and outputs of the convolutions around it.
So each tensor here knows which original channel each of its channels is, the convolutions' weights are
rearranged once, and what remains of a ShuffleNetV2 stage are slices and concatenations. On one core that takes
a quarter of the time away (reshapes and transposes are slow in LiteRT).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from recognition.engine.networks.yolov5face import Builder, YoloConfig, build, norm_of, padded

Indexes = NDArray[np.int64]
MOST_JOINED = 4  # LiteRT's fast kernels refuse longer concatenations


@dataclass(frozen=True, slots=True)
class Tensor:
    """keras: the tensor. order: the original channel of each of its channels."""

    keras: Any
    order: Indexes

    @property
    def shape(self) -> Any:
        return self.keras.shape


@keras.saving.register_keras_serializable("yolov5face")
class Channels(layers.Layer):
    """A range of the channels."""

    def __init__(self, start: int, stop: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start, self.stop = start, stop

    def call(self, x: Any) -> Any:
        return x[..., self.start : self.stop]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "start": self.start, "stop": self.stop}


def deployed(model: keras.Model, config: YoloConfig, side: int | None) -> keras.Model:
    """model: made by ``yolov5face(config)``. side: of the square pictures it will take, None for any."""
    inputs = layers.Input((side, side, 3))
    heads = build(_DeployBuilder(model, config.folded), Tensor(inputs, np.arange(3)), config)
    return keras.Model(inputs, [head.keras for head in heads], name=f"{model.name}_deployed")


class _DeployBuilder(Builder):
    def __init__(self, model: keras.Model, folded: bool) -> None:
        super().__init__(folded)
        self.model = model

    def conv2d(self, name: str, x: Any, filters: int, kernel: int, stride: int = 1) -> Tensor:
        return self._convolved(x, *self._folded(name), stride, np.arange(filters))

    def depthwise(self, name: str, x: Any, stride: int) -> Tensor:
        weights, bias = self._folded(name)
        weights, bias = weights[:, :, x.order], bias[x.order]
        y, padding = padded(x.keras, 3, stride)
        layer = layers.DepthwiseConv2D(weights.shape[0], stride, padding)
        y = layer(y)
        layer.set_weights([weights, bias])
        return Tensor(y, x.order)

    def head(self, name: str, x: Any) -> Tensor:
        weights, bias = self.model.get_layer(name).get_weights()
        return self._convolved(x, weights, bias, 1, np.arange(len(bias)))

    def shuffle_stage(self, down: str, units: str, x: Any, filters: int, repeats: int) -> Tensor:
        half = filters // 2
        plan = _Plan(half, repeats)
        side = self.depthwise(f"{down}_branch1_0", x, 2)
        sources = [self._pointwise(f"{down}_branch1", 2, side, plan.order(0))]
        sources.append(self._main(f"{down}_branch2", x, half, 2, plan.order(1)))
        for unit in range(repeats):
            changed = self._gathered(plan, unit, sources)
            sources.append(self._main(f"{units}_{unit}_branch2", changed, half, 1, plan.order(unit + 2)))
        return self._gathered(plan, repeats, sources)

    def _main(self, name: str, x: Tensor, filters: int, stride: int, order: Indexes) -> Tensor:
        x = self.activate(self.conv2d(f"{name}_0", x, filters, 1))
        return self._pointwise(name, 5, self.depthwise(f"{name}_3", x, stride), order)

    def _pointwise(self, name: str, number: int, x: Tensor, order: Indexes) -> Tensor:
        weights, bias = self._folded(f"{name}_{number}")
        return self.activate(self._convolved(x, weights, bias, 1, order))

    def _gathered(self, plan: _Plan, step: int, sources: list[Tensor]) -> Tensor:
        pieces, places = [], []
        for number, start, stop in plan.pieces(step):
            source = sources[number].keras
            whole = (start, stop) == (0, source.shape[-1])
            pieces.append(source if whole else Channels(start, stop)(source))
            places.append(plan.places(step, number))
        while len(pieces) > 1:
            pieces[:MOST_JOINED] = [layers.Concatenate()(pieces[:MOST_JOINED])]
        return Tensor(pieces[0], np.concatenate(places))

    def _convolved(
        self, x: Tensor, weights: NDArray[Any], bias: NDArray[Any], stride: int, order: Indexes
    ) -> Tensor:
        weights, bias = weights[:, :, x.order][..., order], bias[order]
        y, padding = padded(x.keras, weights.shape[0], stride)
        layer = layers.Conv2D(len(bias), weights.shape[0], stride, padding)
        y = layer(y)
        layer.set_weights([weights, bias])
        return Tensor(y, order)

    def _folded(self, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Kernel and bias of a convolution together with its batch normalisation."""
        layer = self.model.get_layer(name)
        kernel, *rest = layer.get_weights()
        bias = rest[0] if rest else np.zeros(_outputs(layer, kernel), kernel.dtype)
        if self.folded:
            return kernel, bias
        norm_layer = self.model.get_layer(norm_of(name))
        gamma, beta, mean, variance = norm_layer.get_weights()
        scale = gamma / np.sqrt(variance + norm_layer.epsilon)
        shape = (-1, 1) if isinstance(layer, layers.DepthwiseConv2D) else (-1,)
        return kernel * scale.reshape(shape), beta + (bias - mean) * scale

    def activate(self, x: Any) -> Tensor:
        return Tensor(super().activate(x.keras), x.order)

    def pool(self, x: Any, size: int, stride: int) -> Tensor:
        return Tensor(super().pool(x.keras, size, stride), x.order)

    def upsample(self, x: Any) -> Tensor:
        return Tensor(super().upsample(x.keras), x.order)

    def add(self, first: Any, second: Any) -> Tensor:
        return Tensor(super().add(first.keras, second.keras), first.order)

    def join(self, *tensors: Any) -> Tensor:
        starts = np.cumsum([0, *(len(tensor.order) for tensor in tensors)])
        order = np.concatenate([t.order + start for t, start in zip(tensors, starts, strict=False)])
        return Tensor(super().join(*(tensor.keras for tensor in tensors)), order)


class _Plan:
    """When the channels of each branch of a stage are used.

    Sources 0 and 1 are the two branches of the first block, source u + 2 is the changed half of unit u. Step u
    is unit u taking the second half of the shuffled channels; the last step is the end of the stage.
    """

    def __init__(self, half: int, repeats: int) -> None:
        channels = np.arange(half)
        kept = np.stack([np.zeros(half, np.int64), channels], 1)
        self._taken: list[
            Indexes
        ] = []  # (n, 2) source and channel, in the order the original has at this step
        self._step = np.full((repeats + 2, half), repeats)
        new = 1
        while True:
            shuffled = np.stack([kept, np.stack([np.full(half, new), channels], 1)], 1).reshape(-1, 2)
            if len(self._taken) == repeats:
                self._taken.append(shuffled)
                return
            kept, taken = shuffled[:half], shuffled[half:]
            self._step[taken[:, 0], taken[:, 1]] = len(self._taken)
            self._taken.append(taken)
            new += 1

    def order(self, source: int) -> Indexes:
        """The order in which a source's channels are to be made: those used together are neighbours."""
        return np.argsort(self._step[source], kind="stable")

    def pieces(self, step: int) -> list[tuple[int, int, int]]:
        """(source, first, end) of the ranges that make up what a step takes."""
        ranges = []
        for source in np.unique(self._taken[step][:, 0]):
            steps = np.sort(self._step[source], kind="stable")
            start, stop = np.searchsorted(steps, [step, step + 1])
            ranges.append((int(source), int(start), int(stop)))
        return ranges

    def places(self, step: int, source: int) -> Indexes:
        """Where the channels of one such range stand in the original."""
        order = self.order(source)
        place = {(int(s), int(c)): index for index, (s, c) in enumerate(self._taken[step])}
        return np.array([place[source, int(c)] for c in order if (source, int(c)) in place])


def _outputs(layer: layers.Layer, kernel: NDArray[Any]) -> int:
    return int(kernel.shape[2] if isinstance(layer, layers.DepthwiseConv2D) else kernel.shape[3])
