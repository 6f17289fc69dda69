"""GhostFaceNetV1 as a list of layers: GhostNet with squeeze-and-excite and a GDC head, of any width and stride.

Architecture from "GhostFaceNets: Lightweight Face Recognition Model From Cheap Operations" (2023) and
https://github.com/HamadYA/GhostFaceNets (MIT). Keras models and LiteRT files are made from this list.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recognition.engine.networks.graphs import Node

if TYPE_CHECKING:
    import keras

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


def channels(value: float) -> int:
    """The nearest multiple of four, never more than a tenth below the value."""
    rounded = max(4, int(value + 2) // 4 * 4)
    return rounded + 4 if rounded < 0.9 * value else rounded


def ghostfacenet(config: GhostFaceNetConfig = GhostFaceNetConfig()) -> keras.Model:
    """The Keras model of `ghostfacenet_graph`, with random weights. Needs Keras."""
    from recognition.engine.networks.keras_models import keras_model

    return keras_model(ghostfacenet_graph(config), "ghostfacenet")


def ghostfacenet_graph(config: GhostFaceNetConfig) -> list[Node]:
    """(n, 112, 112, 3) RGB scaled ``(x - 127.5) / 128`` -> (n, embedding), not normalised.

    Each layer after its inputs, with the name that Keras would give it, its settings in Keras' terms and no weights.
    """
    net = _Layers(config)
    x = net.add("InputLayer", name="face", batch_shape=(None, SIDE, SIDE, 3))
    filters, side = channels(16 * config.width), SIDE // config.stride
    x = net.activate(net.norm(net.conv(x, filters, 3, config.stride)))
    for stage in STAGES:
        x, filters = net.bottleneck(x, filters, stage)
        side = -(-side // stage.stride)
    x = net.activate(net.norm(net.conv(x, channels(LAST * config.width), 1)))
    x = net.add("DepthwiseConv2D", x, name="GDC_dw", **_window(side), padding="valid", use_bias=False)
    x = net.norm(x, name="GDC_batchnorm")
    head = {"filters": config.embedding, **_window(1), "padding": "valid", "use_bias": config.head_bias}
    x = net.add("Conv2D", x, name="GDC_conv", **head)
    # Of a single pixel: flattens without a reshape, so that LiteRT can resize the batch.
    x = net.add("GlobalAveragePooling2D", x, name="GDC_flatten")
    net.norm(x, name="pre_embedding")
    return net.nodes


class _Layers:
    def __init__(self, config: GhostFaceNetConfig) -> None:
        self.config = config
        self.nodes: list[Node] = []
        self._count: Counter[str] = Counter()

    def add(self, kind: str, *inputs: str, name: str = "", **settings: Any) -> str:
        if not name:
            base = KERAS_NAMES[kind]
            name = f"{base}_{self._count[base]}" if self._count[base] else base
            self._count[base] += 1
        self.nodes.append(Node(name, kind, inputs, {"name": name, **settings}))
        return name

    def conv(self, x: str, filters: int, kernel: int, stride: int = 1, bias: bool = False) -> str:
        settings = {"filters": filters, **_window(kernel, stride), "padding": "same", "use_bias": bias}
        return self.add("Conv2D", x, **settings, kernel_initializer=FAN_OUT)

    def depthwise(self, x: str, kernel: int, stride: int = 1) -> str:
        settings = {**_window(kernel, stride), "padding": "same", "use_bias": False}
        return self.add("DepthwiseConv2D", x, **settings, depthwise_initializer=FAN_OUT)

    def norm(self, x: str, name: str = "") -> str:
        settings = {"momentum": self.config.bn_momentum, "epsilon": self.config.bn_epsilon}
        return self.add("BatchNormalization", x, name=name, **settings)

    def activate(self, x: str) -> str:
        if self.config.activation == "relu":
            return self.add("ReLU", x)
        return self.add("PReLU", x, alpha_initializer=QUARTER, shared_axes=[1, 2])

    def ghost(self, x: str, filters: int, activate: bool) -> str:
        """Half of the channels by a 1x1 convolution, the other half from those by a cheap 3x3 depthwise one."""
        x = self.norm(self.conv(x, filters // 2, 1))
        x = self.activate(x) if activate else x
        cheap = self.norm(self.depthwise(x, 3))
        cheap = self.activate(cheap) if activate else cheap
        return self.add("Concatenate", x, cheap)

    def excite(self, x: str, filters: int) -> str:
        weights = self.add("GlobalAveragePooling2D", x, keepdims=True)
        weights = self.activate(self.conv(weights, channels(filters * 0.25), 1, bias=True))
        weights = self.add("HardSigmoid", self.conv(weights, filters, 1, bias=True))
        return self.add("Multiply", x, weights)

    def bottleneck(self, x: str, filters: int, stage: Stage) -> tuple[str, int]:
        """filters: of x. Returns how many the result has, too."""
        width = self.config.width
        expanded, output = channels(stage.expanded * width), channels(stage.output * width)
        shortcut = x
        x = self.ghost(x, expanded, activate=True)
        if stage.stride > 1:
            x = self.norm(self.depthwise(x, stage.kernel, stage.stride))
        if stage.excite:
            x = self.excite(x, expanded)
        x = self.ghost(x, output, activate=False)
        if stage.stride > 1 or filters != output:
            shortcut = self.norm(self.depthwise(shortcut, stage.kernel, stage.stride))
            shortcut = self.norm(self.conv(shortcut, output, 1))
        return self.add("Add", shortcut, x), output


def _window(kernel: int, stride: int = 1) -> dict[str, Any]:
    return {"kernel_size": (kernel, kernel), "strides": (stride, stride), "dilation_rate": (1, 1)}


FAN_OUT = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}
QUARTER = {"class_name": "Constant", "config": {"value": 0.25}}
KERAS_NAMES = {
    "Add": "add",
    "BatchNormalization": "batch_normalization",
    "Concatenate": "concatenate",
    "Conv2D": "conv2d",
    "DepthwiseConv2D": "depthwise_conv2d",
    "GlobalAveragePooling2D": "global_average_pooling2d",
    "HardSigmoid": "hard_sigmoid",
    "Multiply": "multiply",
    "PReLU": "p_re_lu",
    "ReLU": "re_lu",
}
