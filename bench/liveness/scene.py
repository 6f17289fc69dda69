"""A photograph as a head, as a print or as a screen in front of a camera: pictures of it from any side.

A head is the photograph laid over a surface: a shallow bowl of the size of a head with a nose on it, turned about a
point behind the eyes and seen in perspective. A print is flat or bent. All lengths are in eye distances, the origin
lies between the eyes, x to the right, y down, z towards the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from recognition.engine.types import Floats, Image

HEIGHT, WIDTH = 480, 640
EYES = 78.0  # pixels of the eye distance at the usual distance
DISTANCE = 9.5  # of the eyes from the camera: some 60 cm
GRID = 4  # every fourth pixel is computed, those between are interpolated
STEPS = 14
Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pose:
    """Degrees: yaw to the right of the picture, pitch upwards, roll clockwise. x, y: eye distances. near: 1.25
    is a fifth nearer."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    x: float = 0.0
    y: float = 0.0
    near: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A photograph (H, W, 3) with its five landmarks, upright."""

    photo: Image
    landmarks: Floats

    @property
    def middle(self) -> Floats:
        return np.asarray((self.landmarks[0] + self.landmarks[1]) / 2, np.float32)

    @property
    def eyes(self) -> float:
        return float(np.hypot(*(self.landmarks[1] - self.landmarks[0])))


def head(x: Field, y: Field, nose_y: float) -> Field:
    """How far each point stands out towards the camera, 0 at the eyes."""
    bowl = 0.8 * (1 - (x / 1.25) ** 2 - ((y - 0.35) / 1.75) ** 2)
    at_eyes = 0.8 * (1 - (0.5 / 1.25) ** 2 - (0.35 / 1.75) ** 2)
    ridge = np.clip(y / max(nose_y, 0.2), 0, 1) * np.exp(-(np.clip(y - nose_y, 0, None) ** 2) / 0.012)
    nose = 0.42 * ridge * np.exp(-(x**2) / (2 * 0.18**2))
    return np.asarray(np.maximum(bowl, -0.6) - at_eyes + nose, np.float32)


def flat(x: Field, y: Field, nose_y: float) -> Field:
    return np.zeros_like(x)


def bent(radius: float, *, upright: bool = True):  # type: ignore[no-untyped-def]
    """A print bent about an upright (or a level) axis, its middle towards the camera."""

    def surface(x: Field, y: Field, nose_y: float) -> Field:
        along = np.clip((x if upright else y - 0.5) / radius, -1.4, 1.4)
        return np.asarray(radius * (np.cos(along) - 1), np.float32)

    return surface


def view(
    subject: Subject,
    pose: Pose,
    surface=head,  # type: ignore[no-untyped-def]
    *,
    ground: Image,
    moves_alone: bool = True,
    size: tuple[float, float] | None = None,
) -> Image:
    """The picture (480, 640, 3) that a camera sees.

    moves_alone: what is around the head stays where it is, as a body does. size: half width and half height of
    a sheet of paper around the middle of the face, in eye distances; outside is ``ground``.
    """
    columns, rows = np.meshgrid(np.arange(0, WIDTH, GRID), np.arange(0, HEIGHT, GRID))
    wanted = np.stack([columns - WIDTH / 2, rows - HEIGHT * 0.42]).astype(np.float32)
    nose_y = float((subject.landmarks[2] - subject.middle)[1] / subject.eyes)
    found = wanted / EYES / pose.near
    found = np.stack([found[0] - pose.x, found[1] - pose.y]).astype(np.float32)
    best, least = found.copy(), np.full(found.shape[1:], np.inf, np.float32)
    for _ in range(STEPS):
        off = wanted / EYES - _seen(found, pose, surface, nose_y, moves_alone)
        worse = np.abs(off).sum(axis=0)
        better = worse < least
        best[:, better], least[better] = found[:, better], worse[better]
        found = found + 0.7 * off
    maps = (best * subject.eyes + subject.middle[:, None, None]).astype(np.float32)
    across, down = (cv2.resize(m, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR) for m in maps)
    picture = cv2.remap(subject.photo, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if size is None:
        return np.asarray(picture, np.uint8)
    x, y = (cv2.resize(m, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR) for m in best)
    wrong = cv2.resize(least, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR) > 0.15
    sheet = (np.abs(x) < size[0]) & (np.abs(y - 0.5) < size[1]) & ~wrong
    return np.asarray(np.where(sheet[..., None], picture, ground), np.uint8)


def _seen(at: Field, pose: Pose, surface, nose_y: float, moves_alone: bool) -> Field:  # type: ignore[no-untyped-def]
    """Where the points of the photograph appear, in eye distances from the middle of the picture."""
    x, y = at
    z = surface(x, y, nose_y)
    yaw, pitch, roll = np.radians([pose.yaw, pose.pitch, pose.roll])
    back = 0.9 if moves_alone else 0.0  # how far behind the eyes the head turns
    px, py, pz = x, y - 0.5, z + back
    px, pz = px * np.cos(yaw) + pz * np.sin(yaw), -px * np.sin(yaw) + pz * np.cos(yaw)
    py, pz = py * np.cos(pitch) - pz * np.sin(pitch), py * np.sin(pitch) + pz * np.cos(pitch)
    px, py = px * np.cos(roll) - py * np.sin(roll), px * np.sin(roll) + py * np.cos(roll)
    px, py, pz = px + pose.x, py + 0.5 + pose.y, pz - back
    distance = DISTANCE / pose.near
    seen = np.stack([px, py]) * (distance / np.maximum(distance - pz, 1.0)) * pose.near
    if not moves_alone:
        return np.asarray(seen, np.float32)
    still = np.stack([x, y])
    radius = np.sqrt((x / 1.35) ** 2 + ((y - 0.35) / 1.9) ** 2)
    weight = np.clip((1.9 - radius) / 0.9, 0, 1)
    return np.asarray(weight * seen + (1 - weight) * still, np.float32)


def camera(image: Image, chance: np.random.Generator, *, noise: float = 2.5, light: float = 1.0) -> Image:
    """What a cheap camera makes of it: less light, noise, JPEG."""
    out = image.astype(np.float32) * light + chance.normal(0, noise, image.shape).astype(np.float32)
    _done, data = cv2.imencode(".jpg", np.clip(out, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def screen(image: Image, chance: np.random.Generator, *, pitch: float) -> Image:
    """The picture as the pixels of a display show it to a camera whose own pixels are nearly as far apart: moire.

    pitch: pixels of the display for one of the camera.
    """
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    turn = np.radians(chance.uniform(-4, 4))
    across = columns * np.cos(turn) + rows * np.sin(turn)
    down = rows * np.cos(turn) - columns * np.sin(turn)
    phase = chance.uniform(0, 1, 2)
    cells = np.stack([across * pitch + phase[0] + shift for shift in (0, 1 / 3, 2 / 3)], axis=-1)
    stripes = 1 + 0.16 * np.cos(2 * np.pi * cells)
    lines = 1 + 0.1 * np.cos(2 * np.pi * (down * pitch + phase[1]))
    out = 255 * (image / 255.0) ** 0.9 * stripes * lines[..., None] * 0.95
    return np.asarray(np.clip(out, 0, 255), np.uint8)
