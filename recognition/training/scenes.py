"""What may happen to a whole picture with its labels: mosaic, scale, place, mirror, colour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from recognition.engine.images import decode
from recognition.engine.types import Image, ImageError
from recognition.engine.views import PADDING
from recognition.training.augment import Random, recoloured
from recognition.training.labels import NONE, Labels, Picture, joined

LEAST_SIDE = 3.0  # pixels; smaller faces are no targets
LEAST_SHARE = 0.35  # of a face that must be left after cutting
Region = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class SceneStrength:
    """mosaic, flip: shares of the pictures. scale: how much larger or smaller, as a share. colour: a deviation."""

    mosaic: float = 0.5
    flip: float = 0.5
    scale: float = 0.5
    colour: float = 0.15


def scene(
    picture: Picture, others: list[Picture], side: int, random: Random, strength: SceneStrength
) -> tuple[Image, Labels]:
    """(side, side, 3) and labels in its pixels. others: three more pictures for a mosaic, or none."""
    if others and random.random() < strength.mosaic:
        canvas, labels = mosaic([picture, *others], side, random, strength)
    else:
        canvas, labels = single(picture, side, random, strength)
    if random.random() < strength.flip:
        canvas, labels = np.ascontiguousarray(canvas[:, ::-1]), labels.mirrored(side)
    return recoloured(canvas, random, strength.colour) if strength.colour else canvas, labels


def single(picture: Picture, side: int, random: Random, strength: SceneStrength) -> tuple[Image, Labels]:
    canvas = _ground(side)
    times = float(random.uniform(1 - strength.scale, 1 + strength.scale))
    scale = times * side / max(picture.size)
    spare = [side - size * scale for size in picture.size]
    left, top = (float(random.uniform(min(room, 0), max(room, 0))) for room in spare)
    return canvas, pasted(canvas, (0, 0, side, side), picture, scale, left, top)


def mosaic(
    pictures: list[Picture], side: int, random: Random, strength: SceneStrength
) -> tuple[Image, Labels]:
    """Four pictures around a point near the middle, each cut to its quarter."""
    canvas = _ground(side)
    x, y = (int(v) for v in random.uniform(0.35 * side, 0.65 * side, 2))
    regions = [(0, 0, x, y), (x, 0, side, y), (0, y, x, side), (x, y, side, side)]
    parts = []
    for number, (picture, region) in enumerate(zip(pictures, regions, strict=True)):
        times = float(random.uniform(1 - strength.scale, 1 + strength.scale / 2))
        scale = times * side / max(picture.size) * 0.7
        width, height = (size * scale for size in picture.size)
        left = x - width if number in (0, 2) else x
        top = y - height if number in (0, 1) else y
        parts.append(pasted(canvas, region, picture, scale, left, top))
    return canvas, joined(parts)


def pasted(canvas: Image, region: Region, picture: Picture, scale: float, left: float, top: float) -> Labels:
    """Puts the picture into the region of the canvas, its corner at (left, top); the labels that can be seen there."""
    # Only as large as is needed: JPEGs are then decoded in a fraction of the time.
    needed = max(32, round(max(picture.size) * min(scale, 1.0)))
    image = _read(picture.path, needed)
    if image is None:
        return NONE
    width, height = (max(1, round(size * scale)) for size in picture.size)
    method = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)
    x, y = round(left), round(top)
    l, t = max(region[0], x), max(region[1], y)  # noqa: E741
    r, b = min(region[2], x + width), min(region[3], y + height)
    if r <= l or b <= t:
        return NONE
    canvas[t:b, l:r] = image[t - y : b - y, l - x : r - x]
    return cut(picture.labels.moved(scale, x, y), (l, t, r, b))


def cut(labels: Labels, region: Region) -> Labels:
    """What is left of the faces within the region; landmarks outside of it are not known."""
    low, high = np.array(region[:2], np.float32), np.array(region[2:], np.float32)
    boxes = np.concatenate([np.clip(labels.boxes[:, i : i + 2], low, high) for i in (0, 2)], 1)
    size, before = boxes[:, 2:] - boxes[:, :2], labels.boxes[:, 2:] - labels.boxes[:, :2]
    seen = (size.min(1, initial=np.inf) >= LEAST_SIDE) & (size.prod(1) >= LEAST_SHARE * before.prod(1))
    points = labels.points.copy()
    with np.errstate(invalid="ignore"):
        points[((points < low) | (points > high)).any(-1)] = np.nan
    return Labels(boxes, points).chosen(seen)


def _ground(side: int) -> Image:
    return np.full((side, side, 3), PADDING, np.uint8)


def _read(path: Path, longer: int) -> Image | None:
    try:
        return decode(path.read_bytes(), max_side=longer)
    except (OSError, ImageError):
        return None
