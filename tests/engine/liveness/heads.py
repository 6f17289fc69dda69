"""Sights of heads and of flat pictures, by geometry alone: five points in space, turned and projected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recognition.engine.liveness.sights import Sight
from recognition.engine.quality import pose
from recognition.engine.types import Floats

EYES = 80.0  # pixels
HEAD = np.array([(-0.5, 0, 0), (0.5, 0, 0), (0, 0.6, 0.4), (-0.4, 1.02, 0), (0.4, 1.02, 0)])


def points(yaw: float = 0, pitch: float = 0, *, near: float = 1.0, depth: float = 1.0) -> Floats:
    """Landmarks (5, 2) in a picture of 640 x 480. depth: how far the nose stands out, 0 for a flat picture.

    yaw: degrees, positive when the nose moves to the right of the picture; pitch: positive upwards.
    """
    turned = HEAD * (1, 1, depth)
    a, b = np.radians([yaw, pitch])
    x, y, z = turned[:, 0], turned[:, 1] - 0.5, turned[:, 2]
    x, z = x * np.cos(a) + z * np.sin(a), z * np.cos(a) - x * np.sin(a)
    y, z = y * np.cos(b) - z * np.sin(b), z * np.cos(b) + y * np.sin(b)
    distance = 9.5 / near
    seen = np.stack([x, y]) * distance / (distance - z) * near
    return (seen.T * EYES + (320, 240)).astype(np.float32)


def sight(at: float, landmarks: Floats | None = None, **more: object) -> Sight:
    """One frame with this face, or a straight one."""
    found = points() if landmarks is None else landmarks
    across = found[1] - found[0]
    middle = (found[0] + found[1]) / 2
    eyes = float(np.hypot(*across))
    yaw, pitch, roll = pose(found)
    seen = Sight(
        at,
        faces=1,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        eyes=eyes,
        drop=float(np.hypot(*((found[3] + found[4]) / 2 - middle))),
        x=float(middle[0] / 480),
        y=float(middle[1] / 480),
        share=eyes / 480,
        landmarks=tuple(float(v) for v in found.ravel()),
        like=0.95,
        same=0.9,
        change=3.0,
        quality=0.8,
    )
    return replace(seen, **more)  # type: ignore[arg-type]
