"""Does the nose stand out of the face: by the movement of the picture itself between two frames, not by landmarks.

Five landmarks follow a nod only weakly. So the aligned crops of two frames are compared: where eyes and mouth of the
one are found in the other says how a flat picture would have moved; the nose of a head has moved further. On
photographs of people (NUAA) that nod by five to fourteen degrees, as landmarks tell it, by 0.014 to 0.018 of the
eye distance (the median of single frames), on bent prints by at most 0.014. In turns to the side it tells less than
landmarks do.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from recognition.engine.alignment import TEMPLATE
from recognition.engine.types import Image

EYES = float(TEMPLATE[1, 0] - TEMPLATE[0, 0])  # pixels between the eyes of a crop
STEP = 3
LEAST_TEXTURE = 4.0  # greys; without any drawing nothing can be followed
# Of an aligned crop of 112 x 112: rows and columns.
EYE_BAND, MOUTH_BAND, NOSE = (
    (slice(42, 61), slice(24, 88)),
    (slice(84, 104), slice(34, 78)),
    (slice(64, 80), slice(48, 64)),
)


def relief(before: Image, after: Image) -> tuple[float, float]:
    """How far the nose moved against the plane of eyes and mouth, to the right and down, in eye distances.

    before, after: aligned crops (112, 112, 3) of one face. 0, 0 when nothing can be followed.
    """
    start, end = (cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in (before, after))
    if min(float(start.std()), float(end.std())) < LEAST_TEXTURE:
        return 0.0, 0.0
    follower: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = follower.calc(start, end, None)
    found = [_points(flow, part) for part in (EYE_BAND, MOUTH_BAND)]
    source, target = (np.concatenate(side) for side in zip(*found, strict=True))
    plane: Any = cv2.findHomography(source, target, cv2.RANSAC, 1.0)[0]
    if plane is None:
        return 0.0, 0.0
    nose, moved = _points(flow, NOSE)
    flat = cv2.perspectiveTransform(nose[:, None], plane)[:, 0]
    off = np.median(moved - flat, axis=0) / EYES
    return float(off[0]), float(off[1])


def _points(flow: np.ndarray, part: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.mgrid[part][:, ::STEP, ::STEP].reshape(2, -1)
    source = np.stack([columns, rows], axis=1).astype(np.float32)
    return source, source + flow[rows, columns]
