"""Picture -> faces with box, score and rough landmarks (YOLOv5-face).

One view of the picture at a time, in a square of 288, 320 or 640 pixels; `finder` says which views. The network
answers for three strides and three anchors a cell with sixteen raw numbers: x, y, w, h, objectness, five landmarks,
class. Decoding is that of https://github.com/deepcam-cn/yolov5-face ("YOLO5Face: Why Reinventing a Face Detector",
2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recognition.engine.runtimes.litert import InterpreterPool
from recognition.engine.runtimes.pools import OpensPool, Pool, open_pool, takes_batches
from recognition.engine.types import Face, Floats, Image, ModelFileError, ModelSpec
from recognition.engine.views import FIRST, LARGE, SMALL, Drawn, View, draw
from recognition.engine.weights import Manifest

ANCHORS: dict[int, Floats] = {
    8: np.array([[4, 5], [8, 10], [13, 16]], np.float32),
    16: np.array([[23, 29], [43, 55], [73, 105]], np.float32),
    32: np.array([[146, 217], [231, 300], [335, 433]], np.float32),
}
NUMBERS = 16
MOST = 300  # candidates that go on to the suppression of duplicates, best first
EXPONENT_LIMIT = 50.0
SCORE = 0.3


class Detector:
    """Finds faces. Safe to use from several threads.

    pools: the network for inputs of 288, 320 and 640 pixels. anchors: stride -> (3, 2) widths and heights.
    iou: of two boxes that overlap by more than this the worse is dropped. score: the least that counts.
    """

    def __init__(
        self,
        pools: Mapping[int, Pool | Path],
        *,
        anchors: Mapping[int, Floats] = ANCHORS,
        iou: float = 0.45,
        score: float = SCORE,
    ) -> None:
        self._pools: dict[int, Pool] = {
            side: InterpreterPool(pool) if isinstance(pool, Path) else pool for side, pool in pools.items()
        }
        self._anchors = anchors
        self._iou = iou
        self.score = score

    @classmethod
    def from_manifest(
        cls,
        manifest: Manifest,
        name: str | None = None,
        *,
        size: int = 2,
        threads: int = 1,
        opens: OpensPool = open_pool,
    ) -> Detector:
        """The named or default detector, with its companion for the other input size."""
        chosen = manifest.spec(name) if name else manifest.default("detector")
        parts = {_input_side(spec): spec for spec in manifest.parts(chosen)}
        if not {SMALL, LARGE} <= parts.keys():
            raise ModelFileError(
                f"The detector {chosen.name} needs files for inputs of {SMALL} and {LARGE} pixels; "
                f"{manifest.folder / 'manifest.json'} has {sorted(parts)}."
            )
        shape = {"shape": [1, FIRST, FIRST, 3]}  # the network takes any multiple of 32
        parts[FIRST] = replace(parts[SMALL], input=parts[SMALL].input | shape)
        pools = {
            side: opens(manifest, spec, size=size, threads=threads) for side, spec in sorted(parts.items())
        }
        return cls(pools, anchors=_anchors(chosen), iou=float(str(chosen.settings.get("nms_iou", 0.45))))

    @property
    def batches(self) -> bool:
        """Whether many pictures in one call are faster than one after another."""
        return any(takes_batches(pool) for pool in self._pools.values())

    def look(self, image: Image, view: View, *, score: float | None = None) -> list[Face]:
        """The faces in this view of the picture, best first, in pixels of the picture.

        score: the least that counts, by default the detector's own.
        """
        return self.look_many([image], view, score=score)[0]

    def look_many(
        self, images: Sequence[Image], view: View, *, score: float | None = None
    ) -> list[list[Face]]:
        """As `look` for each picture, in one run where the pools take batches."""
        drawn = [draw(image, view) for image in images]
        least = self.score if score is None else score
        if self.batches:
            heads = self._run(view.side, [one.canvas for one in drawn])
            each = [[head[n : n + 1] for head in heads] for n in range(len(drawn))]
        else:
            each = [self._run(view.side, [one.canvas]) for one in drawn]
        return [self._faces(heads, one, least) for heads, one in zip(each, drawn, strict=True)]

    def _run(self, side: int, canvases: Sequence[Image]) -> list[Floats]:
        return self._pools[side].run(np.stack(canvases).astype(np.float32) / np.float32(255))

    def _decode(self, heads: Sequence[Floats], side: int, score: float) -> Floats:
        return decode(heads, side, score, self._anchors)

    def _faces(self, heads: Sequence[Floats], drawn: Drawn, score: float) -> list[Face]:
        rows = self._decode(heads, drawn.view.side, score)
        rows = rows[suppress(rows[:, :4], rows[:, 4], self._iou)]
        return [
            drawn.in_picture(Face((r[0], r[1], r[2], r[3]), float(r[4]), r[5:].reshape(5, 2))) for r in rows
        ]


def decode(
    heads: Sequence[Floats], side: int, score: float, anchors: Mapping[int, Floats] = ANCHORS
) -> Floats:
    """(n, 15) rows of left, top, right, bottom, score, ten landmark numbers in pixels of the square, best
    first.

    heads: raw outputs, each of (side / stride)^2 cells x 3 anchors x 16 numbers, the anchors after the cells.
    """
    cells = {side // stride: stride for stride in anchors}
    found = []
    for head in heads:
        stride = cells[isqrt(head.size // (3 * NUMBERS))]
        found.append(_decode_head(head, stride, side // stride, anchors[stride], score))
    rows = np.concatenate(found)
    return rows[np.argsort(-rows[:, 4], kind="stable")[:MOST]]


def suppress(boxes: Floats, scores: Floats, iou: float) -> NDArray[np.int64]:
    """Indexes of the boxes that stay, best first: of those that overlap by more than ``iou``, the best."""
    left, top, right, bottom = boxes.T
    areas = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        width = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
        height = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
        common = np.maximum(width, 0) * np.maximum(height, 0)
        order = rest[common <= iou * (areas[best] + areas[rest] - common)]
    return np.array(kept, np.int64)


def _input_side(spec: ModelSpec) -> int:
    shape = spec.input.get("shape")
    if not isinstance(shape, list) or len(shape) != 4:
        raise ModelFileError(f"The detector {spec.name} has no input shape in the manifest.")
    return int(shape[1])


def _anchors(spec: ModelSpec) -> Mapping[int, Floats]:
    strides, anchors = spec.settings.get("strides"), spec.settings.get("anchors")
    if not isinstance(strides, list) or not isinstance(anchors, list):
        return ANCHORS
    return {int(s): np.array(a, np.float32).reshape(3, 2) for s, a in zip(strides, anchors, strict=True)}


def _decode_head(head: Floats, stride: int, cells: int, anchors: Floats, score: float) -> Floats:
    grid = head.reshape(cells * cells, 3, NUMBERS)
    # The score is a product of two probabilities, so an objectness under the threshold settles it.
    cell, anchor = np.nonzero(grid[:, :, 4] > np.log(score / (1 - score)))
    raw = grid[cell, anchor]
    confidence = _sigmoid(raw[:, 4]) * _sigmoid(raw[:, 15])
    enough = confidence > score
    cell, anchor, raw, confidence = cell[enough], anchor[enough], raw[enough], confidence[enough]
    corner = np.column_stack([cell % cells, cell // cells]).astype(np.float32)
    centre = (2 * _sigmoid(raw[:, 0:2]) - 0.5 + corner) * stride
    half = (2 * _sigmoid(raw[:, 2:4])) ** 2 * anchors[anchor] / 2
    points = raw[:, 5:15] * np.tile(anchors[anchor], 5) + np.tile(corner * stride, 5)
    return np.column_stack([centre - half, centre + half, confidence, points]).astype(np.float32)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -EXPONENT_LIMIT, EXPONENT_LIMIT))), np.float32)
