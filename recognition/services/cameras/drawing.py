"""Frames with boxes and names."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from recognition.engine.types import Image
from recognition.services.cameras.watcher import Label

COLOURS = {"match": (53, 208, 127), "no_match": (255, 206, 92), "looking": (220, 228, 226)}
DARK = (16, 22, 21)
LIGHT = (255, 255, 255)


def draw_labels(image: Image, labels: Sequence[Label], *, most: int | None = None) -> Image:
    """A copy with each face framed and named; its longer side at most ``most`` pixels."""
    height, width = image.shape[:2]
    scale = min(1.0, most / max(height, width)) if most else 1.0
    if scale < 1:
        size = (round(width * scale), round(height * scale))
        drawn = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    else:
        drawn = image.copy()
    for label in labels:
        _draw(drawn, label, scale)
    return drawn


def _draw(image: Image, label: Label, scale: float) -> None:
    left, top, right, bottom = (round(value * scale) for value in label.box)
    colour = COLOURS[label.kind]
    line = max(2, round((right - left) / 60))
    cv2.rectangle(image, (left, top), (right, bottom), colour, line)
    if not label.text:
        return
    size = max(14, min(32, round((right - left) / 7)))
    font = cv2.FontFace("sans")  # knows the letters of all languages, other than OpenCV's older ones
    x, y, width, height = cv2.getTextSize((10_000, 10_000), label.text, (0, 0), font, size, 500)
    foot = max(top - line - 4, height + 4)
    start = max(0, min(left, image.shape[1] - width - 8))
    cv2.rectangle(image, (start, foot - height - 6), (start + width + 10, foot + 4), DARK, cv2.FILLED)
    cv2.putText(image, label.text, (start + 5 - x, foot - 2 - (height + y)), LIGHT, font, size, 500)
