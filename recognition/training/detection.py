"""How well a detector finds faces, on labelled pictures that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np

from recognition.engine.detector import decode, suppress
from recognition.engine.images import decode as read
from recognition.engine.types import Floats, ImageError
from recognition.engine.views import letterbox
from recognition.training.labels import Picture
from recognition.training.runtime import compiled

SCORE, IOU, FOUND = 0.3, 0.45, 0.5
LEAST = 8.0  # pixels at the network's input; smaller faces are neither missed nor false
BATCH = 8


def detection(model: keras.Model, pictures: Sequence[Picture], side: int) -> Callable[[], dict[str, float]]:
    """A function that measures the model as it is at the time: recall, false boxes a picture.

    model: raw heads. A face is found when a box of at least the score 0.3 overlaps with it by 0.5.
    """

    def measure() -> dict[str, float]:
        faces = hits = false = 0
        for start in range(0, len(pictures), BATCH):
            for picture, boxes, scale in _found(model, pictures[start : start + BATCH], side):
                a, b, c = compared(boxes, picture.labels.boxes * scale)
                faces, hits, false = faces + a, hits + b, false + c
        return {"recall": hits / max(faces, 1), "false_boxes": false / max(len(pictures), 1)}

    return measure


def compared(boxes: Floats, true: Floats) -> tuple[int, int, int]:
    """How many faces there are, how many of them were found, and how many boxes are on none. Best boxes first."""
    large = (true[:, 2:] - true[:, :2]).max(1, initial=0) >= LEAST
    free = np.ones(len(true), bool)
    false = 0
    for box in boxes:
        overlap = _iou(box, true)
        mine = np.flatnonzero((overlap >= FOUND) & free)
        if len(mine):
            free[mine[np.argmax(overlap[mine])]] = False
        elif not (overlap >= FOUND).any():
            false += 1
    return int(large.sum()), int((large & ~free).sum()), false


def _found(model: keras.Model, pictures: Sequence[Picture], side: int) -> list[tuple[Picture, Floats, float]]:
    readable, canvases, scales = [], [], []
    for picture in pictures:
        try:
            image = read(picture.path.read_bytes(), max_side=max(side, 64))
        except (OSError, ImageError):
            continue
        canvas, _ = letterbox(image, side)
        readable.append(picture)
        canvases.append(canvas)
        scales.append(side / max(picture.size))
    if not readable:
        return []
    if compiled() is False:
        model.jit_compile = False
    batch = np.stack(
        canvases + canvases[-1:] * (BATCH - len(canvases))
    )  # of one size, so it is compiled once
    heads = [np.asarray(h, np.float32) for h in model.predict_on_batch(batch.astype(np.float32) / 255)]
    result = []
    for number, picture in enumerate(readable):
        rows = decode([head[number] for head in heads], side, SCORE)
        result.append((picture, rows[suppress(rows[:, :4], rows[:, 4], IOU), :4], scales[number]))
    return result


def _iou(box: Floats, others: Floats) -> Floats:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.maximum(high - low, 0).prod(1)
    areas = (others[:, 2:] - others[:, :2]).prod(1)
    return np.asarray(common / np.maximum((box[2:] - box[:2]).prod() + areas - common, 1e-6), np.float32)
