"""Masks, sunglasses and clear glasses drawn on aligned crops, for a network that is to see what covers a face."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from recognition.engine.alignment import SIDE, TEMPLATE
from recognition.engine.types import Image
from recognition.training.augment import Random

# Outline of a mask on an aligned crop: over the nose, along the cheeks and below the chin.
MASK = np.array(
    [
        [56, 62],
        [73, 66],
        [95, 66],
        [94, 86],
        [84, 106],
        [66, 117],
        [46, 117],
        [28, 106],
        [18, 86],
        [17, 66],
        [39, 66],
    ],
    np.float64,
)
FINE = 4  # drawn on so many times finer a grid and averaged, for edges like those of a photograph


def with_mask(crop: Image, random: Random) -> Image:
    """crop: (112, 112, 3). A surgical, dark or coloured mask; some stay below the nose's tip no further than it."""
    outline = MASK + random.normal(0, 2.0, MASK.shape)
    outline[[0, 1, 10], 1] += random.uniform(-6, 8)
    outline[:, 0] = 56 + (outline[:, 0] - 56) * random.uniform(0.85, 1.1)
    colour = _fabric(random)
    layer = np.empty((SIDE, SIDE, 3), np.float64)
    layer[:] = colour
    rows = np.arange(SIDE)[:, None]
    if random.random() < 0.6:  # folds
        waves = np.sin(rows / random.uniform(2.5, 6) + random.uniform(0, 6)) * random.uniform(2, 14)
        layer += waves[:, :, None]
    if random.random() < 0.25:  # a pattern
        small = random.uniform(-70, 70, (random.integers(4, 20), random.integers(4, 20), 3))
        layer += cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    layer += np.abs(np.arange(SIDE) - random.uniform(40, 72))[None, :, None] * random.uniform(-0.9, 0.2)
    # Half of the light on the face lies on the mask as well.
    light = cv2.GaussianBlur(crop, (0, 0), 14).mean(axis=2, keepdims=True).astype(np.float64)
    layer *= 1 + random.uniform(0.2, 0.8) * (light / max(float(light.mean()), 8.0) - 1)
    layer *= np.clip(float(light.mean()) / 120, 0.25, 1.3) ** random.uniform(0.3, 1)
    return _laid_on(crop, layer, _filled([outline]), random.uniform(0.93, 1.0))


def with_sunglasses(crop: Image, random: Random) -> Image:
    """crop: (112, 112, 3). Dark or mirrored lenses over both eyes."""
    lenses, frame = _glasses(random, half=(random.uniform(14, 20), random.uniform(9, 15)))
    layer = np.empty((SIDE, SIDE, 3), np.float64)
    layer[:] = random.uniform(0, 55) + random.normal(0, 12, 3)
    if random.random() < 0.4:  # what they mirror
        small = random.uniform(0, 130, (random.integers(2, 5), random.integers(2, 5), 3))
        layer += cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) * random.uniform(0.2, 0.9)
    covered = _laid_on(crop, layer, lenses, random.uniform(0.82, 1.0))
    return _laid_on(covered, np.full_like(layer, random.uniform(0, 120)), frame, 1.0)


def with_glasses(crop: Image, random: Random) -> Image:
    """crop: (112, 112, 3). Clear or faintly tinted lenses, the eyes well to be seen."""
    lenses, frame = _glasses(random, half=(random.uniform(13, 18), random.uniform(8, 14)))
    tint = np.full((SIDE, SIDE, 3), random.uniform(20, 255))
    tinted = _laid_on(crop, tint, lenses, random.uniform(0, 0.25))
    return _laid_on(tinted, np.full_like(tint, random.uniform(0, 140)), frame, random.uniform(0.6, 1))


def _fabric(random: Random) -> NDArray[np.float64]:
    kinds = ([225, 228, 230], [150, 190, 220], [25, 25, 28], random.uniform(20, 240, 3))
    return np.asarray(kinds[random.integers(len(kinds))], np.float64) + random.normal(0, 14, 3)


def _glasses(random: Random, half: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where lenses and frame are, (112, 112) shares. half: of a lens, width and height."""
    shift = np.array([random.normal(0, 1.5), random.normal(1.5, 1.7)])
    power = random.uniform(2, 5)
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    cosine, sine = np.cos(angles), np.sin(angles)
    shape = np.column_stack([np.sign(c) * np.abs(c) ** (2 / power) for c in (cosine, sine)]) * half
    outlines = [TEMPLATE[eye].astype(np.float64) + shift + shape for eye in (0, 1)]
    y = float(TEMPLATE[:2, 1].mean() + shift[1])
    edges = [(o[:, 0].min(), o[:, 0].max()) for o in outlines]
    spans = [(4, edges[0][0]), (edges[0][1], edges[1][0]), (edges[1][1], SIDE - 4)]
    frame = np.zeros((SIDE * FINE, SIDE * FINE), np.uint8)
    width = int(random.integers(3, 11))
    cv2.polylines(frame, [_fine(o) for o in outlines], True, 255, width)
    for start, end in spans:
        cv2.polylines(frame, [_fine(np.array([(start, y), (end, y)]))], False, 255, width)
    return _filled(outlines), _averaged(frame)


def _fine(outline: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.round(outline * FINE).astype(np.int32)


def _filled(outlines: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    fine = np.zeros((SIDE * FINE, SIDE * FINE), np.uint8)
    for outline in outlines:
        cv2.fillPoly(fine, [_fine(outline)], 255)
    return _averaged(fine)


def _averaged(fine: Image) -> NDArray[np.float64]:
    return np.asarray(cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float64) / 255


def _laid_on(crop: Image, layer: NDArray[np.float64], where: NDArray[np.float64], opacity: float) -> Image:
    share = (where * opacity)[:, :, None]
    return np.clip(crop * (1 - share) + layer * share, 0, 255).astype(np.uint8)
