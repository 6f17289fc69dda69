"""Picture -> faces with box, score and rough landmarks (YOLOv5-face).

The picture is shrunk or enlarged to fit the top left of a square of 320 pixels, and of 640 when smaller faces
are wanted or expected. Measured on composed pictures, the first finds every face whose longer side is 0.15 .. 0.8
of the picture's longer side (0.97 of them at 0.1, 0.82 at 0.075); the second every face of 0.075 .. 0.4 (0.97 at
0.05), but it takes four times as long and sees parts of larger faces as faces. The network answers for three
strides and three anchors a cell with sixteen raw numbers: x, y, w, h, objectness, five landmarks, class. Decoding is
that of https://github.com/deepcam-cn/yolov5-face ("YOLO5Face: Why Reinventing a Face Detector", 2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isqrt
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from recognition.engine.runtimes.litert import InterpreterPool
from recognition.engine.runtimes.pools import OpensPool, Pool, open_pool, takes_batches
from recognition.engine.types import Face, Floats, Image, ModelFileError, ModelSpec
from recognition.engine.weights import Manifest

ANCHORS: dict[int, Floats] = {
    8: np.array([[4, 5], [8, 10], [13, 16]], np.float32),
    16: np.array([[23, 29], [43, 55], [73, 105]], np.float32),
    32: np.array([[146, 217], [231, 300], [335, 433]], np.float32),
}
NUMBERS = 16
PADDING = 114
SMALL, LARGE = 320, 640
# Shares of the picture's longer side. The small pass misses no face over SURE; one over PORTRAIT is taken as
# the subject.
SURE = 0.15
PORTRAIT = 0.2
COVERED = 0.6
MOST = 300  # candidates that go on to the suppression of duplicates, best first
EXPONENT_LIMIT = 50.0
SCORE = 0.3


class Detector:
    """Finds faces. Safe to use from several threads.

    pools: the network for inputs of 320 and of 640 pixels. anchors: stride -> (3, 2) widths and heights.
    iou: of two boxes that overlap by more than this the worse is dropped.
    """

    def __init__(
        self,
        pools: Mapping[int, Pool | Path],
        *,
        anchors: Mapping[int, Floats] = ANCHORS,
        iou: float = 0.45,
    ) -> None:
        self._pools: dict[int, Pool] = {
            side: InterpreterPool(pool) if isinstance(pool, Path) else pool for side, pool in pools.items()
        }
        self._anchors = anchors
        self._iou = iou

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
        pools = {
            _input_side(spec): opens(manifest, spec, size=size, threads=threads)
            for spec in manifest.parts(chosen)
        }
        if not {SMALL, LARGE} <= pools.keys():
            raise ModelFileError(
                f"The detector {chosen.name} needs files for inputs of {SMALL} and {LARGE} pixels; "
                f"{manifest.folder / 'manifest.json'} has {sorted(pools)}."
            )
        return cls(pools, anchors=_anchors(chosen), iou=float(str(chosen.settings.get("nms_iou", 0.45))))

    def detect(self, image: Image, *, min_face: float | None = None, score: float = SCORE) -> list[Face]:
        """Every face, best first.

        min_face: the smallest face wanted, in pixels of the picture. Without it the closer look at 640 pixels is
            taken when the look at 320 shows no face of a fifth of the picture: a portrait costs one pass, a group two.
        """
        first = self._detect(image, SMALL, score)
        if not _asks_for_more(image, first, min_face):
            return first
        return _merged(image, first, self._detect(image, LARGE, score))

    @property
    def batches(self) -> bool:
        """Whether many pictures in one call are faster than one after another."""
        return any(takes_batches(pool) for pool in self._pools.values())

    def detect_many(self, images: Sequence[Image], *, min_face: float | None = None) -> list[list[Face]]:
        """As `detect` for each picture, in one run for each input size where the pools take batches."""
        if not self.batches:
            return [self.detect(image, min_face=min_face) for image in images]
        found = self._detect_many(images, SMALL, SCORE) if images else []
        again = [n for n, image in enumerate(images) if _asks_for_more(image, found[n], min_face)]
        closer = self._detect_many([images[n] for n in again], LARGE, SCORE) if again else []
        for n, faces in zip(again, closer, strict=True):
            found[n] = _merged(images[n], found[n], faces)
        return found

    def _detect(self, image: Image, side: int, score: float) -> list[Face]:
        return self._detect_many([image], side, score)[0]

    def _detect_many(self, images: Sequence[Image], side: int, score: float) -> list[list[Face]]:
        boxed = [letterbox(image, side) for image in images]
        heads = self._pools[side].run(
            np.stack([canvas for canvas, _ in boxed]).astype(np.float32) / np.float32(255)
        )
        return [
            self._faces([head[n : n + 1] for head in heads], side, scale, score)
            for n, (_, scale) in enumerate(boxed)
        ]

    def _faces(self, heads: Sequence[Floats], side: int, scale: float, score: float) -> list[Face]:
        rows = decode(heads, side, score, self._anchors)
        rows = rows[suppress(rows[:, :4], rows[:, 4], self._iou)]
        rows[:, :4] /= scale
        rows[:, 5:] /= scale
        return [
            Face(
                (float(r[0]), float(r[1]), float(r[2]), float(r[3])), float(r[4]), r[5:].reshape(5, 2).copy()
            )
            for r in rows
        ]


def letterbox(image: Image, side: int) -> tuple[Image, float]:
    """The picture at the top left of a grey square, and by how much it was scaled."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.full((side, side, 3), PADDING, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(image, size, interpolation=method)
    return canvas, scale


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


def merge(*groups: Sequence[Face]) -> list[Face]:
    """The faces of all groups, best first, without those mostly covered by one of an earlier group."""
    kept: list[Face] = []
    for group in groups:
        kept += [face for face in group if all(_covered(face, other) <= COVERED for other in kept)]
    return sorted(kept, key=lambda face: -face.score)


def _covered(face: Face, other: Face) -> float:
    """The common area as a share of the smaller box."""
    width = min(face.box[2], other.box[2]) - max(face.box[0], other.box[0])
    height = min(face.box[3], other.box[3]) - max(face.box[1], other.box[1])
    return max(width, 0.0) * max(height, 0.0) / max(min(face.area, other.area), 1e-6)


def _asks_for_more(image: Image, first: Sequence[Face], min_face: float | None) -> bool:
    """Whether the closer look is to be taken after the first one."""
    longer: int = max(image.shape[:2])
    if min_face is None:
        return not any(_longer_side(face) >= PORTRAIT * longer for face in first)
    return min_face < SURE * longer


def _merged(image: Image, first: Sequence[Face], closer: Sequence[Face]) -> list[Face]:
    longer = max(image.shape[:2])
    sure = [face for face in first if _longer_side(face) >= SURE * longer]
    unsure = [face for face in first if _longer_side(face) < SURE * longer]
    return merge(sure, closer, unsure)


def _longer_side(face: Face) -> float:
    return max(face.width, face.height)


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
