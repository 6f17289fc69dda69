"""GhostFaceNetV1: GhostNet with squeeze-and-excite and a GDC head, of any width and stride.

Architecture from "GhostFaceNets: Lightweight Face Recognition Model From Cheap Operations" (2023) and
https://github.com/HamadYA/GhostFaceNets (MIT). Keras 3 on any backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, ops

SIDE = 112


@dataclass(frozen=True, slots=True)
class Stage:
    """One ghost bottleneck: kernel, expanded and output channels at width 1, squeeze-and-excite, stride."""

    kernel: int
    expanded: int
    output: int
    excite: bool
    stride: int


STAGES = (
    Stage(3, 16, 16, False, 1),
    Stage(3, 48, 24, False, 2),
    Stage(3, 72, 24, False, 1),
    Stage(5, 72, 40, True, 2),
    Stage(5, 120, 40, True, 1),
    Stage(3, 240, 80, False, 2),
    Stage(3, 200, 80, False, 1),
    Stage(3, 184, 80, False, 1),
    Stage(3, 184, 80, False, 1),
    Stage(3, 480, 112, True, 1),
    Stage(3, 672, 112, True, 1),
    Stage(5, 672, 160, True, 2),
    Stage(5, 960, 160, False, 1),
    Stage(5, 960, 160, True, 1),
    Stage(5, 960, 160, False, 1),
    Stage(5, 512, 160, True, 1),
)
LAST = 512


@dataclass(frozen=True, slots=True)
class GhostFaceNetConfig:
    """What differs between published files.

    width: multiplies all channels. stride: of the first convolution, 1 or 2.
    activation: "prelu" or "relu". head_bias: whether GDC_conv has a bias.
    """

    width: float = 1.3
    stride: int = 2
    activation: str = "prelu"
    embedding: int = 512
    bn_momentum: float = 0.9
    bn_epsilon: float = 1e-5
    head_bias: bool = False


@keras.saving.register_keras_serializable("ghostfacenet")
class HardSigmoid(layers.Layer):
    """Keras 2's hard sigmoid, clip(0.2 x + 0.5, 0, 1). Keras 3's has the slope 1/6, which these weights do not mean."""

    def call(self, x: Any) -> Any:
        return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def channels(value: float) -> int:
    """The nearest multiple of four, never more than a tenth below the value."""
    rounded = max(4, int(value + 2) // 4 * 4)
    return rounded + 4 if rounded < 0.9 * value else rounded


def ghostfacenet(config: GhostFaceNetConfig = GhostFaceNetConfig()) -> keras.Model:
    """(n, 112, 112, 3) RGB scaled ``(x - 127.5) / 128`` -> (n, embedding), not normalised."""
    net = _Builder(config)
    inputs = layers.Input((SIDE, SIDE, 3))
    x = net.conv(inputs, channels(16 * config.width), 3, config.stride)
    x = net.activate(net.norm(x))
    for stage in STAGES:
        x = net.bottleneck(x, stage)
    x = net.activate(net.norm(net.conv(x, channels(LAST * config.width), 1)))
    x = layers.DepthwiseConv2D(x.shape[1], use_bias=False, name="GDC_dw")(x)
    x = net.norm(x, name="GDC_batchnorm")
    x = layers.Conv2D(config.embedding, 1, use_bias=config.head_bias, name="GDC_conv")(x)
    # Of a single pixel: flattens without a reshape, so that LiteRT can resize the batch.
    x = layers.GlobalAveragePooling2D(name="GDC_flatten")(x)
    return keras.Model(inputs, net.norm(x, name="pre_embedding"), name="ghostfacenet")


class _Builder:
    def __init__(self, config: GhostFaceNetConfig) -> None:
        self.config = config

    def conv(self, x: Any, filters: int, kernel: int, stride: int = 1, bias: bool = False) -> Any:
        init = keras.initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")
        return layers.Conv2D(filters, kernel, stride, "same", use_bias=bias, kernel_initializer=init)(x)

    def depthwise(self, x: Any, kernel: int, stride: int = 1) -> Any:
        init = keras.initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")
        layer = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, depthwise_initializer=init)
        return layer(x)

    def norm(self, x: Any, name: str | None = None) -> Any:
        return layers.BatchNormalization(
            momentum=self.config.bn_momentum, epsilon=self.config.bn_epsilon, name=name
        )(x)

    def activate(self, x: Any) -> Any:
        if self.config.activation == "relu":
            return layers.ReLU()(x)
        shared = [1, 2] if len(x.shape) == 4 else None
        return layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25), shared_axes=shared)(x)

    def ghost(self, x: Any, filters: int, activate: bool) -> Any:
        """Half of the channels by a 1x1 convolution, the other half from those by a cheap 3x3 depthwise one."""
        x = self.norm(self.conv(x, filters // 2, 1))
        x = self.activate(x) if activate else x
        cheap = self.norm(self.depthwise(x, 3))
        cheap = self.activate(cheap) if activate else cheap
        return layers.Concatenate()([x, cheap])

    def excite(self, x: Any) -> Any:
        filters = x.shape[-1]
        weights = layers.GlobalAveragePooling2D(keepdims=True)(x)
        weights = self.activate(self.conv(weights, channels(filters * 0.25), 1, bias=True))
        weights = HardSigmoid()(self.conv(weights, filters, 1, bias=True))
        return layers.Multiply()([x, weights])

    def bottleneck(self, x: Any, stage: Stage) -> Any:
        width = self.config.width
        expanded, output = channels(stage.expanded * width), channels(stage.output * width)
        shortcut = x
        x = self.ghost(x, expanded, activate=True)
        if stage.stride > 1:
            x = self.norm(self.depthwise(x, stage.kernel, stage.stride))
        if stage.excite:
            x = self.excite(x)
        x = self.ghost(x, output, activate=False)
        if stage.stride > 1 or shortcut.shape[-1] != output:
            shortcut = self.norm(self.depthwise(shortcut, stage.kernel, stage.stride))
            shortcut = self.norm(self.conv(shortcut, output, 1))
        return layers.Add()([shortcut, x])
