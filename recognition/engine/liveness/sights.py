"""What one frame of a challenge showed: the few figures that are judged, without a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from recognition.engine.quality import pose
from recognition.engine.types import Face, Floats, Image, Quality

RIVAL = 0.3  # a second face counts from this share of the first one's area


@dataclass(frozen=True, slots=True)
class Sight:
    """One frame.

    at: seconds by the clock of the camera's device. faces: how many of about the same size. The rest is about the
    largest one, and 0 or empty without any.
    yaw, pitch, roll: degrees as in `Quality`. eyes: their distance in pixels; drop: from the eyes down to the mouth.
    x, y: middle of the eyes, and share: the eye distance, as shares of the picture's shorter side. landmarks:
    ten numbers. like: cosine to the face of the frame before; same: to the first one. change: mean difference
    of the crop to that of the frame before in greys; 0 is the very same picture.
    relief: how far the nose moved down against the plane of the face since it was at rest, in eye distances (`relief`).
    reasons: why a probe would be refused; without a face, whether it is too dark to see one. signs:
    `recognition.engine.liveness.signs`, figure by name.
    face_colour, room_colour: mean red, green, blue of face and surroundings, 0..255.
    """

    at: float
    faces: int = 0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    eyes: float = 0.0
    drop: float = 0.0
    x: float = 0.0
    y: float = 0.0
    share: float = 0.0
    landmarks: tuple[float, ...] = ()
    like: float = 1.0
    same: float = 1.0
    change: float = 255.0
    relief: float = 0.0
    quality: float = 0.0
    reasons: tuple[str, ...] = ()
    signs: dict[str, float] | None = None
    face_colour: tuple[float, ...] = ()
    room_colour: tuple[float, ...] = ()

    def points(self) -> Floats:
        return np.asarray(self.landmarks, np.float32).reshape(5, 2)

    def as_dict(self) -> dict[str, Any]:
        """As stored: figures to four digits."""
        return {name: _rounded(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Sight:
        names = {field.name for field in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in found.items() if name in names
        }
        return cls(**values)


def sight_of(
    at: float,
    image: Image,
    faces: Sequence[Face],
    quality: Quality | None,
    *,
    like: float = 1.0,
    same: float = 1.0,
    change: float = 255.0,
    relief: float = 0.0,
    signs: dict[str, float] | None = None,
) -> Sight:
    """faces: of the picture, largest first. quality: of the first of them."""
    if not faces or quality is None:
        return Sight(at)
    face = faces[0]
    points = np.asarray(face.landmarks, np.float64)
    across = points[1] - points[0]
    middle = (points[0] + points[1]) / 2
    eyes = float(np.hypot(*across))
    yaw, pitch, roll = pose(face.landmarks, refined=face.faceness is not None)
    short = min(image.shape[:2])
    face_colour, room_colour = _colours(image, face)
    return Sight(
        at,
        faces=sum(other.area >= RIVAL * face.area for other in faces),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        eyes=eyes,
        drop=float(np.hypot(*((points[3] + points[4]) / 2 - middle))),
        x=float(middle[0] / short),
        y=float(middle[1] / short),
        share=eyes / short,
        landmarks=tuple(float(v) for v in points.ravel()),
        like=like,
        same=same,
        change=change,
        relief=relief,
        quality=quality.score,
        reasons=quality.reasons,
        signs=signs,
        face_colour=face_colour,
        room_colour=room_colour,
    )


def difference(crop: Image, before: Image | None) -> float:
    """Mean difference of two aligned crops in greys, 0..255."""
    return 255.0 if before is None else float(np.abs(crop.astype(np.int16) - before).mean())


def _colours(image: Image, face: Face) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Means over the middle of the face, and over what lies beside the head."""
    height, width = image.shape[:2]
    left, top, right, bottom = (round(v) for v in face.box)
    w, h = right - left, bottom - top
    inner = image[
        max(0, top + h // 4) : max(0, bottom - h // 4), max(0, left + w // 4) : max(0, right - w // 4)
    ]
    beside = np.ones((height, width), bool)
    beside[max(0, top - h // 2) :, max(0, left - w // 2) : max(0, right + w // 2)] = False
    step = 8  # a sample is enough
    room = image[::step, ::step][beside[::step, ::step]]
    if not inner.size or not len(room):
        return (), ()
    return _mean(inner[::2, ::2].reshape(-1, 3)), _mean(room)


def _mean(pixels: Image) -> tuple[float, ...]:
    return tuple(float(v) for v in pixels.mean(axis=0))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, (tuple, list)):
        return [_rounded(v) for v in value]
    if isinstance(value, dict):
        return {name: _rounded(v) for name, v in value.items()}
    return value
