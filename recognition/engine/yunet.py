"""Picture -> faces with box, score and good landmarks (YuNet).

It looks at one view of the picture at a time, as `detector.Detector` does. The network answers for
strides of 8, 16 and 32, one anchor a cell: two probabilities (or their product) whose geometric mean is the score, a
box and five landmarks. It reads raw pixels, blue first. Decoding is that of
https://github.com/ShiqiYu/libfacedetection.train
("YuNet: A Tiny Millisecond-level Face Detector", 2023).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recognition.engine.detector import MOST, Detector
from recognition.engine.runtimes.pools import OpensPool, Pool, open_pool
from recognition.engine.types import Floats, Image
from recognition.engine.views import FIRST, LARGE, SMALL
from recognition.engine.weights import Manifest

FAMILY = "yunet"
STRIDES = (8, 16, 32)
SCORE = 0.6
IOU = 0.3
WIDEST = 10.0  # of a box, as a natural logarithm of strides; keeps a damaged network from overflowing


class YuNet(Detector):
    """Finds faces. Safe to use from several threads.

    pools: the network for inputs of 288, 320 and 640 pixels. score: what a face needs. iou: as for `Detector`.
    """

    def __init__(self, pools: Mapping[int, Pool], *, score: float = SCORE, iou: float = IOU) -> None:
        super().__init__(pools, iou=iou, score=score)

    @classmethod
    def from_manifest(
        cls,
        manifest: Manifest,
        name: str | None = None,
        *,
        size: int = 2,
        threads: int = 1,
        opens: OpensPool = open_pool,
    ) -> YuNet:
        spec = manifest.spec(name) if name else manifest.default("detector")
        pools = {side: opens(manifest, spec, size=size, threads=threads) for side in (FIRST, SMALL, LARGE)}
        return cls(
            pools,
            score=float(str(spec.settings.get("score", SCORE))),
            iou=float(str(spec.settings.get("nms_iou", IOU))),
        )

    def _run(self, side: int, canvases: Sequence[Image]) -> list[Floats]:
        return self._pools[side].run(np.stack(canvases)[..., ::-1].astype(np.float32))

    def _decode(self, heads: Sequence[Floats], side: int, score: float) -> Floats:
        return decode(heads, side, score)


def load_detector(
    manifest: Manifest,
    name: str | None = None,
    *,
    size: int = 2,
    threads: int = 1,
    opens: OpensPool = open_pool,
) -> Detector:
    """The named or default detector, of the class that the manifest entry's ``settings.family`` asks for."""
    spec = manifest.spec(name) if name else manifest.default("detector")
    family = YuNet if spec.settings.get("family") == FAMILY else Detector
    return family.from_manifest(manifest, spec.name, size=size, threads=threads, opens=opens)


def decode(outputs: Sequence[Floats], side: int, score: float) -> Floats:
    """(n, 15) rows of left, top, right, bottom, score, ten landmark numbers in pixels of the square, best first.

    outputs: for each stride (1, cells, 1) class and (1, cells, 1) face probability, (1, cells, 4) boxes and
    (1, cells, 10) landmarks, in any order: their shapes tell them apart, and the two probabilities are multiplied.
    """
    found = []
    for stride in STRIDES:
        cells = side // stride
        of_stride = [output[0] for output in outputs if output.shape[1] == cells * cells]
        confidence = np.sqrt(np.prod([np.clip(o[:, 0], 0, 1) for o in of_stride if o.shape[1] == 1], axis=0))
        boxes, points = (next(o for o in of_stride if o.shape[1] == width) for width in (4, 10))
        cell = np.nonzero(confidence > score)[0]
        corner = np.column_stack([cell % cells, cell // cells]).astype(np.float32)
        centre = (boxes[cell, :2] + corner) * stride
        half = np.exp(np.minimum(boxes[cell, 2:], WIDEST)) * stride / 2
        landmarks = (points[cell] + np.tile(corner, 5)) * stride
        found.append(np.column_stack([centre - half, centre + half, confidence[cell], landmarks]))
    rows = np.concatenate(found).astype(np.float32)
    return rows[np.argsort(-rows[:, 4], kind="stable")[:MOST]]
