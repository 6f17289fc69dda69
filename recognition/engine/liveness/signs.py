"""Signs that a picture of a picture leaves on a frame: the grid of a screen, the straight borders of paper.

Of 500 frames of people at a webcam (NUAA) none had a grid over 1.6 and 0.6 % two sides with a border, of 500 frames of
prints in front of it 12 % had two.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from recognition.engine.types import Face, Image

SIDE = 128  # pixels of the square that is looked at, never enlarged
LOWEST = 14  # cycles over the square: below are the features of a face
GRID, BORDER = 1.9, 1.5
SHARE = 0.5  # of the frames that have to show a sign


def signs_of(image: Image, face: Face) -> dict[str, float]:
    """grid: how far the strongest regular pattern stands out of what surrounds it in the spectrum. border: how
    many sides of the face have a long straight line beside."""
    return {"grid": _grid(image, face), "border": float(_border(image, face))}


def _square(image: Image, face: Face, times: float = 1.0) -> Image:
    height, width = image.shape[:2]
    left, top, right, bottom = face.box
    half = max(right - left, bottom - top) / 2 * times
    x, y = (left + right) / 2, (top + bottom) / 2
    rows = slice(max(0, int(y - half)), min(height, int(y + half)))
    columns = slice(max(0, int(x - half)), min(width, int(x + half)))
    return image[rows, columns]


def _grid(image: Image, face: Face) -> float:
    """In pixels as they arrived: shrinking would remove the pattern."""
    height, width = image.shape[:2]
    x, y = np.asarray(face.landmarks, np.float64).mean(axis=0)
    left = int(np.clip(x - SIDE / 2, 0, max(0, width - SIDE)))
    top = int(np.clip(y - SIDE / 2, 0, max(0, height - SIDE)))
    grey = cv2.cvtColor(np.ascontiguousarray(image[top : top + SIDE, left : left + SIDE]), cv2.COLOR_RGB2GRAY)
    if min(grey.shape) < SIDE:
        return 0.0
    window = np.hanning(SIDE).astype(np.float32)
    spectrum = np.abs(np.fft.rfft2((grey.astype(np.float32) - grey.mean()) * np.outer(window, window)))
    power = np.log1p(spectrum).astype(np.float32)
    around = cv2.blur(power, (15, 15))
    out = power - around
    rows = np.fft.fftfreq(SIDE, 1 / SIDE)[:, None]
    columns = np.arange(power.shape[1])[None]
    radius = np.hypot(rows, columns)
    # JPEG works in blocks of 8: its own pattern lies at multiples of SIDE / 8 on the axes.
    blocks = (np.abs(rows) < 2) | (columns < 2)
    out[(radius < LOWEST) | blocks] = 0
    return float(out.max())


def _border(image: Image, face: Face) -> int:
    """Long straight lines left, right and above of the face, at most a face's width away."""
    around = _square(image, face, 2.2)
    if min(around.shape[:2], default=0) < 48:
        return 0
    scale = 160 / max(around.shape[:2])
    grey = cv2.cvtColor(
        cv2.resize(around, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY
    )
    edges = cv2.Canny(grey, 40, 100)
    found = cv2.HoughLinesP(edges, 1, np.pi / 180, 30, minLineLength=60, maxLineGap=4)
    if found is None:
        return 0
    height, width = grey.shape
    sides = set()
    for x1, y1, x2, y2 in found.reshape(-1, 4):
        if abs(x2 - x1) < 0.35 * abs(y2 - y1):
            sides.add(
                "left" if (x1 + x2) / 2 < width * 0.4 else "right" if (x1 + x2) / 2 > width * 0.6 else ""
            )
        elif abs(y2 - y1) < 0.35 * abs(x2 - x1) and (y1 + y2) / 2 < height * 0.4:
            sides.add("top")
    return len(sides - {""})


def shown_by(signs: Sequence[dict[str, float]]) -> str:
    """The name of the sign that most frames show, or an empty text."""
    limits = {"grid": GRID, "border": BORDER}
    for name, limit in limits.items():
        if signs and sum(found.get(name, 0.0) > limit for found in signs) > SHARE * len(signs):
            return name
    return ""
