"""YOLOv5-face: picture -> three raw heads. Decoding and the suppression of duplicates stay outside.

Facts of the architecture (channels, kernels, order of the parameters) from "YOLO5Face: Why Reinventing a Face
Detector" (2021) and the published configurations yolov5n-0.5, yolov5n and yolov5s. Keras 3 on any backend.
Layers are named after the usual torch parameters with ``_`` for ``.``: ``model.0.stem_1.conv`` is
``model_0_stem_1_conv``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, ops

ANCHORS = 3
NUMBERS = 16
BN_EPSILON = 1e-3
BN_MOMENTUM = 0.97


@dataclass(frozen=True, slots=True)
class YoloConfig:
    """One member of the family.

    backbone: "shuffle" (ShuffleNetV2 blocks) or "csp" (C3 blocks and SPP).
    stem, stages: channels after the stem and at strides 8, 16 and 32; ``first`` is the csp stage at stride 4.
    repeats: blocks in the stages. neck: channels of the three outputs of the PAN. c3: bottlenecks in a C3 of the neck.
    folded: batch normalisation is already part of the convolutions, which then have a bias.
    """

    backbone: str
    stem: int
    stages: tuple[int, int, int]
    repeats: tuple[int, ...]
    neck: tuple[int, int, int]
    c3: int = 1
    first: int = 0
    folded: bool = False


CONFIGS = {
    "yolov5n-0.5-face": YoloConfig("shuffle", 16, (64, 128, 256), (3, 7, 3), (64, 64, 64)),
    "yolov5n-face": YoloConfig("shuffle", 32, (128, 256, 512), (3, 7, 3), (128, 128, 128)),
    "yolov5s-face": YoloConfig("csp", 32, (128, 256, 512), (1, 3, 3, 1), (128, 256, 512), first=64),
}
BUNDLED = "yolov5n-0.5-face"


def norm_of(name: str) -> str:
    """The batch normalisation that follows a convolution: ``x_conv`` -> ``x_bn``, ``x_3`` -> ``x_4``."""
    head, _, last = name.rpartition("_")
    return f"{head}_bn" if last == "conv" else f"{head}_{int(last) + 1}"


@keras.saving.register_keras_serializable("yolov5face")
class ChannelShuffle(layers.Layer):
    """Interleaves the two halves of the channels."""

    def call(self, x: Any) -> Any:
        channels = x.shape[-1]
        batch, height, width, _ = ops.shape(x)
        pairs = ops.reshape(x, (batch, height, width, 2, channels // 2))
        return ops.reshape(ops.transpose(pairs, (0, 1, 2, 4, 3)), (batch, height, width, channels))

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


@keras.saving.register_keras_serializable("yolov5face")
class Half(layers.Layer):
    """The first or the second half of the channels."""

    def __init__(self, second: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.second = second

    def call(self, x: Any) -> Any:
        half = x.shape[-1] // 2
        return x[..., half:] if self.second else x[..., :half]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "second": self.second}


def yolov5face(config: YoloConfig = CONFIGS[BUNDLED], side: int | None = None) -> keras.Model:
    """(n, height, width, 3) RGB / 255, sides multiples of 32 -> heads of strides 8, 16, 32.

    Each head is (n, height / stride, width / stride, 48): three anchors of sixteen raw numbers x, y, w, h,
    objectness, five landmarks, class. side: fixes height and width; without it any are taken.
    """
    inputs = layers.Input((side, side, 3))
    return keras.Model(inputs, build(Builder(config.folded), inputs, config), name="yolov5face")


def build(net: Builder, x: Any, config: YoloConfig) -> list[Any]:
    """The three heads, made from the input by the builder."""
    x = net.stem("model_0", x, config.stem)
    p3, p4, p5, start = (_shuffle_backbone if config.backbone == "shuffle" else _csp_backbone)(net, x, config)
    scales = _neck(net, config, p3, p4, p5, start)
    return [net.head(f"model_{start + 14}_m_{number}", x) for number, x in enumerate(scales)]


def _shuffle_backbone(net: Builder, x: Any, config: YoloConfig) -> tuple[Any, Any, Any, int]:
    outputs = []
    for stage, (filters, repeats) in enumerate(zip(config.stages, config.repeats, strict=True)):
        x = net.shuffle_stage(f"model_{2 * stage + 1}", f"model_{2 * stage + 2}", x, filters, repeats)
        outputs.append(x)
    return outputs[0], outputs[1], outputs[2], 7


def _csp_backbone(net: Builder, x: Any, config: YoloConfig) -> tuple[Any, Any, Any, int]:
    first, *repeats = config.repeats
    x = net.c3("model_1", x, config.first, first, shortcut=True)
    outputs = []
    for stage, filters in enumerate(config.stages):
        x = net.conv(f"model_{2 * stage + 2}", x, filters, 3, 2)
        if stage < 2:
            x = net.c3(f"model_{2 * stage + 3}", x, filters, repeats[stage], shortcut=True)
            outputs.append(x)
    x = net.spp("model_7", x, config.stages[2])
    x = net.c3("model_8", x, config.stages[2], repeats[2], shortcut=False)
    return outputs[0], outputs[1], x, 9


def _neck(net: Builder, config: YoloConfig, p3: Any, p4: Any, p5: Any, start: int) -> list[Any]:
    """Down from stride 32 to 8 and up again; ``start`` is the number of the first block after the backbone."""
    small, medium, large = config.neck
    # Equally wide at every scale with ShuffleNetV2, else the lateral convolutions are half as wide as their input.
    lateral4, lateral5 = small, medium

    def c3(block: int, x: Any, filters: int) -> Any:
        return net.c3(f"model_{start + block}", x, filters, config.c3, shortcut=False)

    top = net.conv(f"model_{start}", p5, lateral5, 1)
    x = c3(3, net.join(net.upsample(top), p4), medium)
    middle = net.conv(f"model_{start + 4}", x, lateral4, 1)
    out3 = c3(7, net.join(net.upsample(middle), p3), small)
    x = net.conv(f"model_{start + 8}", out3, lateral4, 3, 2)
    out4 = c3(10, net.join(x, middle), medium)
    x = net.conv(f"model_{start + 11}", out4, lateral5, 3, 2)
    return [out3, out4, c3(13, net.join(x, top), large)]


class Builder:
    """Makes Keras layers from blocks; a subclass may make them otherwise."""

    def __init__(self, folded: bool) -> None:
        self.folded = folded

    def conv2d(self, name: str, x: Any, filters: int, kernel: int, stride: int = 1) -> Any:
        """With the batch normalisation that belongs to it, as in ``depthwise``."""
        x, padding = padded(x, kernel, stride)
        layer = layers.Conv2D(filters, kernel, stride, padding, use_bias=self.folded, name=name)
        return self._normalised(name, layer(x))

    def depthwise(self, name: str, x: Any, stride: int) -> Any:
        x, padding = padded(x, 3, stride)
        layer = layers.DepthwiseConv2D(3, stride, padding, use_bias=self.folded, name=name)
        return self._normalised(name, layer(x))

    def _normalised(self, name: str, x: Any) -> Any:
        if self.folded:
            return x
        return layers.BatchNormalization(momentum=BN_MOMENTUM, epsilon=BN_EPSILON, name=norm_of(name))(x)

    def conv(self, name: str, x: Any, filters: int, kernel: int, stride: int = 1) -> Any:
        return self.activate(self.conv2d(f"{name}_conv", x, filters, kernel, stride))

    def stem(self, name: str, x: Any, filters: int) -> Any:
        x = self.conv(f"{name}_stem_1", x, filters, 3, 2)
        convolved = self.conv(f"{name}_stem_2a", x, filters // 2, 1)
        convolved = self.conv(f"{name}_stem_2b", convolved, filters, 3, 2)
        pooled = self.pool(x, 2, 2)
        return self.conv(f"{name}_stem_3", self.join(convolved, pooled), filters, 1)

    def main_branch(self, name: str, x: Any, filters: int, stride: int) -> Any:
        """1x1, 3x3 depthwise, 1x1: the branch of a ShuffleNetV2 block that changes its input."""
        x = self.activate(self.conv2d(f"{name}_0", x, filters, 1))
        x = self.depthwise(f"{name}_3", x, stride)
        return self.activate(self.conv2d(f"{name}_5", x, filters, 1))

    def side_branch(self, name: str, x: Any, filters: int) -> Any:
        x = self.depthwise(f"{name}_0", x, 2)
        return self.activate(self.conv2d(f"{name}_2", x, filters, 1))

    def shuffle_stage(self, down: str, units: str, x: Any, filters: int, repeats: int) -> Any:
        """One block that halves the sides, then blocks that change half of the channels and shuffle them."""
        half = filters // 2
        side, main = (
            self.side_branch(f"{down}_branch1", x, half),
            self.main_branch(f"{down}_branch2", x, half, 2),
        )
        x = ChannelShuffle()(self.join(side, main))
        for unit in range(repeats):
            changed = self.main_branch(f"{units}_{unit}_branch2", Half(True)(x), half, 1)
            x = ChannelShuffle()(self.join(Half(False)(x), changed))
        return x

    def c3(self, name: str, x: Any, filters: int, repeats: int, shortcut: bool) -> Any:
        main = self.conv(f"{name}_cv1", x, filters // 2, 1)
        for block in range(repeats):
            y = self.conv(f"{name}_m_{block}_cv1", main, filters // 2, 1)
            y = self.conv(f"{name}_m_{block}_cv2", y, filters // 2, 3)
            main = self.add(main, y) if shortcut else y
        side = self.conv(f"{name}_cv2", x, filters // 2, 1)
        return self.conv(f"{name}_cv3", self.join(main, side), filters, 1)

    def spp(self, name: str, x: Any, filters: int) -> Any:
        x = self.conv(f"{name}_cv1", x, x.shape[-1] // 2, 1)
        pooled = [self.pool(x, kernel, 1) for kernel in (3, 5, 7)]
        return self.conv(f"{name}_cv2", self.join(x, *pooled), filters, 1)

    def head(self, name: str, x: Any) -> Any:
        return layers.Conv2D(ANCHORS * NUMBERS, 1, name=name)(x)

    def activate(self, x: Any) -> Any:
        return layers.Activation("silu")(x)

    def pool(self, x: Any, size: int, stride: int) -> Any:
        return layers.MaxPooling2D(size, stride, "same")(x)

    def add(self, first: Any, second: Any) -> Any:
        return layers.Add()([first, second])

    def join(self, *tensors: Any) -> Any:
        return layers.Concatenate()(list(tensors))

    def upsample(self, x: Any) -> Any:
        return layers.UpSampling2D(2, interpolation="nearest")(x)


def padded(x: Any, kernel: int, stride: int) -> tuple[Any, str]:
    """The original pads evenly on both sides; Keras' "same" does so only at stride 1."""
    if stride == 1 or kernel == 1:
        return x, "same"
    return layers.ZeroPadding2D(kernel // 2)(x), "valid"
