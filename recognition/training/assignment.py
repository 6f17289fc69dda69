"""Which anchors of which cells have to answer for a face, as in YOLOv5.

A face belongs to every anchor that is at most four times as wide, narrow, high or low, in the cell of its centre and
in the two cells next to it that are nearest. Facts from https://github.com/ultralytics/yolov5 and the paper of
YOLO5Face (2021).
"""

from __future__ import annotations

import numpy as np

from recognition.engine.detector import ANCHORS, NUMBERS
from recognition.engine.types import Floats
from recognition.training.labels import Labels

RATIO = 4.0
UNKNOWN = -1e6  # in place of a coordinate
STRIDES = tuple(ANCHORS)


def targets_of(labels: Labels, side: int) -> list[Floats]:
    """For each stride (side / stride, side / stride, 48): three anchors of sixteen numbers.

    1 where the anchor answers, centre x, y, width, height, ten landmark numbers (or UNKNOWN), 0; all in pixels.
    """
    return [_head(labels, side // stride, stride, ANCHORS[stride]) for stride in STRIDES]


def _head(labels: Labels, cells: int, stride: int, anchors: Floats) -> Floats:
    grid = np.zeros((cells, cells, len(anchors), NUMBERS), np.float32)
    if not len(labels):
        return grid.reshape(cells, cells, -1)
    size = labels.boxes[:, 2:] - labels.boxes[:, :2]
    centre = (labels.boxes[:, 2:] + labels.boxes[:, :2]) / 2
    times = size[:, None] / anchors
    worst = np.maximum(times, 1 / times).max(-1)
    faces, chosen = np.nonzero(worst < RATIO)
    # Where two faces want the same anchor of a cell, the one that it fits better is written last.
    order = np.argsort(-worst[faces, chosen], kind="stable")
    points = np.where(np.isnan(labels.points), UNKNOWN, labels.points).reshape(-1, 10)
    rows = np.column_stack([np.ones(len(labels)), centre, size, points, np.zeros(len(labels))])
    for face, anchor in zip(faces[order], chosen[order], strict=True):
        for x, y in _cells(centre[face] / stride, cells):
            grid[y, x, anchor] = rows[face]
    return grid.reshape(cells, cells, -1)


def _cells(centre: Floats, cells: int) -> list[tuple[int, int]]:
    """The cell of the centre, last, and its nearest neighbours to one side and above or below."""
    x, y = (int(min(max(v, 0), cells - 1)) for v in centre)
    aside = x - 1 if centre[0] - x < 0.5 else x + 1
    over = y - 1 if centre[1] - y < 0.5 else y + 1
    found = [(aside, y), (x, over), (x, y)]
    return [(i, j) for i, j in found if 0 <= i < cells and 0 <= j < cells]
