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
    net = _Builder(config.folded)
    backbone = _shuffle_backbone if config.backbone == "shuffle" else _csp_backbone
    p3, p4, p5, index = backbone(net, net.stem("model_0", inputs, config.stem), config)
    neck = _neck(net, config, p3, p4, p5, index)
    head = index + 14
    outputs = [
        layers.Conv2D(ANCHORS * NUMBERS, 1, name=f"model_{head}_m_{scale}")(x) for scale, x in enumerate(neck)
    ]
    return keras.Model(inputs, outputs, name="yolov5face")


def _shuffle_backbone(net: _Builder, x: Any, config: YoloConfig) -> tuple[Any, Any, Any, int]:
    outputs = []
    for stage, (filters, repeats) in enumerate(zip(config.stages, config.repeats, strict=True)):
        x = net.shuffle_down(f"model_{2 * stage + 1}", x, filters)
        for block in range(repeats):
            x = net.shuffle_unit(f"model_{2 * stage + 2}_{block}", x)
        outputs.append(x)
    return outputs[0], outputs[1], outputs[2], 7


def _csp_backbone(net: _Builder, x: Any, config: YoloConfig) -> tuple[Any, Any, Any, int]:
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


def _neck(net: _Builder, config: YoloConfig, p3: Any, p4: Any, p5: Any, start: int) -> list[Any]:
    """Down from stride 32 to 8 and up again; ``start`` is the number of the first block after the backbone."""
    small, medium, large = config.neck
    # Where the neck is as wide at every scale (ShuffleNetV2), so are its lateral convolutions.
    lateral5, lateral4 = (small, small) if small == large else (medium, small)

    def c3(block: int, x: Any, filters: int) -> Any:
        return net.c3(f"model_{start + block}", x, filters, config.c3, shortcut=False)

    top = net.conv(f"model_{start}", p5, lateral5, 1)
    x = c3(3, net.join(net.upsample(top), p4), lateral5)
    middle = net.conv(f"model_{start + 4}", x, lateral4, 1)
    out3 = c3(7, net.join(net.upsample(middle), p3), small)
    x = net.conv(f"model_{start + 8}", out3, lateral4, 3, 2)
    out4 = c3(10, net.join(x, middle), medium)
    x = net.conv(f"model_{start + 11}", out4, lateral5, 3, 2)
    return [out3, out4, c3(13, net.join(x, top), large)]


class _Builder:
    def __init__(self, folded: bool) -> None:
        self.folded = folded

    def norm(self, name: str, x: Any) -> Any:
        if self.folded:
            return x
        return layers.BatchNormalization(momentum=BN_MOMENTUM, epsilon=BN_EPSILON, name=name)(x)

    def conv2d(self, name: str, x: Any, filters: int, kernel: int, stride: int) -> Any:
        x, padding = _padded(x, kernel, stride)
        return layers.Conv2D(filters, kernel, stride, padding, use_bias=self.folded, name=name)(x)

    def depthwise(self, name: str, x: Any, stride: int) -> Any:
        x, padding = _padded(x, 3, stride)
        return layers.DepthwiseConv2D(3, stride, padding, use_bias=self.folded, name=name)(x)

    def conv(self, name: str, x: Any, filters: int, kernel: int, stride: int = 1) -> Any:
        x = self.conv2d(f"{name}_conv", x, filters, kernel, stride)
        return layers.Activation("silu")(self.norm(f"{name}_bn", x))

    def stem(self, name: str, x: Any, filters: int) -> Any:
        x = self.conv(f"{name}_stem_1", x, filters, 3, 2)
        convolved = self.conv(f"{name}_stem_2a", x, filters // 2, 1)
        convolved = self.conv(f"{name}_stem_2b", convolved, filters, 3, 2)
        pooled = layers.MaxPooling2D(2, 2)(x)
        return self.conv(f"{name}_stem_3", self.join(convolved, pooled), filters, 1)

    def _sequence(self, name: str, x: Any, filters: int, stride: int) -> Any:
        """1x1, 3x3 depthwise, 1x1: the main branch of a ShuffleNetV2 block."""
        x = self.norm(f"{name}_1", self.conv2d(f"{name}_0", x, filters, 1, 1))
        x = layers.Activation("silu")(x)
        x = self.norm(f"{name}_4", self.depthwise(f"{name}_3", x, stride))
        x = self.norm(f"{name}_6", self.conv2d(f"{name}_5", x, filters, 1, 1))
        return layers.Activation("silu")(x)

    def shuffle_down(self, name: str, x: Any, filters: int) -> Any:
        side = self.norm(f"{name}_branch1_1", self.depthwise(f"{name}_branch1_0", x, 2))
        side = self.norm(f"{name}_branch1_3", self.conv2d(f"{name}_branch1_2", side, filters // 2, 1, 1))
        main = self._sequence(f"{name}_branch2", x, filters // 2, 2)
        return ChannelShuffle()(self.join(layers.Activation("silu")(side), main))

    def shuffle_unit(self, name: str, x: Any) -> Any:
        kept, changed = Half(False)(x), Half(True)(x)
        changed = self._sequence(f"{name}_branch2", changed, changed.shape[-1], 1)
        return ChannelShuffle()(self.join(kept, changed))

    def c3(self, name: str, x: Any, filters: int, repeats: int, shortcut: bool) -> Any:
        main = self.conv(f"{name}_cv1", x, filters // 2, 1)
        for block in range(repeats):
            y = self.conv(f"{name}_m_{block}_cv1", main, filters // 2, 1)
            y = self.conv(f"{name}_m_{block}_cv2", y, filters // 2, 3)
            main = layers.Add()([main, y]) if shortcut else y
        side = self.conv(f"{name}_cv2", x, filters // 2, 1)
        return self.conv(f"{name}_cv3", self.join(main, side), filters, 1)

    def spp(self, name: str, x: Any, filters: int) -> Any:
        x = self.conv(f"{name}_cv1", x, x.shape[-1] // 2, 1)
        pooled = [layers.MaxPooling2D(kernel, 1, "same")(x) for kernel in (3, 5, 7)]
        return self.conv(f"{name}_cv2", self.join(x, *pooled), filters, 1)

    def join(self, *tensors: Any) -> Any:
        return layers.Concatenate()(list(tensors))

    def upsample(self, x: Any) -> Any:
        return layers.UpSampling2D(2, interpolation="nearest")(x)


def _padded(x: Any, kernel: int, stride: int) -> tuple[Any, str]:
    """The original pads evenly on both sides; Keras' "same" does so only at stride 1."""
    if stride == 1 or kernel == 1:
        return x, "same"
    return layers.ZeroPadding2D(kernel // 2)(x), "valid"
