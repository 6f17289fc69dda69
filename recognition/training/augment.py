"""What may happen to an aligned crop on its way to the camera. Each function takes and gives (112, 112, 3) RGB."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import cv2
import numpy as np

from recognition.engine.types import Image

Random = np.random.Generator
SIDE = 112

# In the aligned crop: outline of a face mask from below the eyes around the chin.
MASK = np.array(
    [[20, 62], [56, 70], [92, 62], [90, 88], [76, 106], [56, 111], [36, 106], [22, 88]], np.float32
)


@dataclass(frozen=True, slots=True)
class Strength:
    """How much each crop is changed; 0 leaves a change out.

    flip: share of the crops that are mirrored. rotation: deviation in radians. crop: deviation of the scale as a
    share, a third of it is the deviation of the place as a share of the side. colour: deviation of brightness and
    contrast as a share. The rest are shares of the crops: grey, blurred, seen from afar, with a face mask, with a
    part hidden.
    """

    flip: float = 0.5
    rotation: float = 0.06
    crop: float = 0.04
    colour: float = 0.2
    grey: float = 0.1
    blur: float = 0.1
    low_resolution: float = 0.15
    mask: float = 0.05
    occlusion: float = 0.05

    def times(self, factor: float) -> Strength:
        """All of it weaker or stronger; shares end at 1."""
        values = {f.name: getattr(self, f.name) * factor for f in fields(self) if f.name != "flip"}
        unbounded = ("rotation", "crop", "colour")
        bounded = {name: value if name in unbounded else min(value, 1.0) for name, value in values.items()}
        return replace(self, **bounded)


def augmented(crop: Image, random: Random, strength: Strength) -> Image:
    crop = warped(crop, random, strength)
    if random.random() < strength.mask:
        crop = masked(crop, random)
    if random.random() < strength.occlusion:
        crop = partly_hidden(crop, random)
    if random.random() < strength.low_resolution:
        crop = from_afar(crop, random)
    if random.random() < strength.blur:
        crop = blurred(crop, random)
    crop = recoloured(crop, random, strength.colour)
    if random.random() < strength.grey:
        crop = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(np.uint8)
    return crop


def warped(crop: Image, random: Random, strength: Strength) -> Image:
    """Mirrored or not, then turned, scaled and shifted a little, as an imperfect alignment does."""
    angle, scale = random.normal(0, strength.rotation), float(np.exp(random.normal(0, strength.crop)))
    shift = random.normal(0, strength.crop / 3 * SIDE, 2)
    if random.random() < strength.flip:
        crop = np.ascontiguousarray(crop[:, ::-1])
    if angle == 0 and scale == 1 and not shift.any():
        return crop
    matrix = cv2.getRotationMatrix2D((SIDE / 2 - 0.5, SIDE / 2 - 0.5), float(np.degrees(angle)), scale)
    matrix[:, 2] += shift
    return np.asarray(cv2.warpAffine(crop, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def recoloured(crop: Image, random: Random, deviation: float) -> Image:
    contrast = np.exp(random.normal(0, deviation, 1) + random.normal(0, deviation / 4, 3))
    brightness = random.normal(0, 64 * deviation)
    mean = crop.mean()
    table = (np.arange(256)[:, None] - mean) * contrast + mean + brightness
    return np.asarray(cv2.LUT(crop, np.clip(table, 0, 255).astype(np.uint8)[None]), np.uint8)


def from_afar(crop: Image, random: Random) -> Image:
    """As a camera sees it that gives the face fewer pixels, and as it is stored."""
    side = int(random.integers(24, 72))
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    large = cv2.resize(
        small, (112, 112), interpolation=int(random.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
    )
    _, stored = cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(30, 95))])
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)


def blurred(crop: Image, random: Random) -> Image:
    """Out of focus, or moved while the shutter was open."""
    if random.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(crop, (0, 0), float(random.uniform(0.6, 2))), np.uint8)
    length = int(random.integers(3, 10))
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1 / length
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), float(random.uniform(0, 180)), 1)
    kernel = cv2.warpAffine(line, turn, (length, length))
    return np.asarray(cv2.filter2D(crop, -1, kernel / max(float(kernel.sum()), 1e-6)), np.uint8)


def masked(crop: Image, random: Random) -> Image:
    """Mouth and nose behind a cloth of one colour with a few folds."""
    outline = (MASK + random.normal(0, 2, MASK.shape)).astype(np.int32)
    colour = random.integers(0, 256, 3).tolist()
    found = crop.copy()
    cv2.fillPoly(found, [outline], colour, cv2.LINE_AA)
    darker = [int(value * 0.8) for value in colour]
    for height in range(74, 100, int(random.integers(5, 9))):
        cv2.line(found, (28, height), (84, height), darker, 1, cv2.LINE_AA)
    return found


def partly_hidden(crop: Image, random: Random) -> Image:
    """A rectangle of noise or of one colour over up to a quarter of the crop."""
    height, width = random.integers(20, 57, 2)
    top, left = random.integers(0, 112 - height), random.integers(0, 112 - width)
    found = crop.copy()
    colour = random.integers(0, 256, 3)
    if random.random() < 0.5:
        found[top : top + height, left : left + width] = colour
    else:
        found[top : top + height, left : left + width] = random.integers(0, 256, (height, width, 3))
    return found
