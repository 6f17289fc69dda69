"""Stand-ins for the three networks, and pictures that they understand. Everything is deterministic and takes
milliseconds.

A fake face is a square of one colour with thin dark lines on grey ground; the colour is the person. It
survives JPEG. The real alignment, quality and gallery work on it: a blurred face is ``too_blurred``, a small
one ``too_small``, and so on.

    picture = person_picture(3)                 # one face, person 3
    picture = person_picture(3, variant=1)      # another photo of the same person
    data = person_jpeg(1, 2, size=120)          # two people side by side, as bytes
    faces = FakeDetector().detect(picture)
    vectors = FakeEmbedder().embed(crops)       # same person: about 0.9; others: near 0
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import cv2
import numpy as np

from recognition.engine.alignment import SIDE, TEMPLATE
from recognition.engine.finder import WHOLE
from recognition.engine.images import encode_jpeg
from recognition.engine.types import Face, Floats, Image, Inspection
from recognition.engine.views import View

GROUND = 128
LEVELS = (55, 140, 220)
COLOURS = [c for c in product(LEVELS, repeat=3) if max(c) - min(c) >= 80]  # 24 people
NOISE = 0.35
NOSE = 0.033
TURN = 0.45  # how far the nose of a turned face is off the middle, in eye distances


def person_picture(
    *people: int,
    size: int = 160,
    variant: int = 0,
    blurred: bool = False,
    dark: bool = False,
    turned: bool = False,
) -> Image:
    """Grey ground with one face per person from left to right; without people, a picture without a face.

    people: 0 .. len(COLOURS) - 1. size: side of a face in pixels. variant: which photo of them.
    """
    margin = size // 2
    columns = max(1, len(people))
    image = np.full((2 * size, columns * (size + margin) + margin, 3), GROUND, np.uint8)
    for column, person in enumerate(people):
        left = margin + column * (size + margin)
        width = round(size * 0.6) if turned else size
        image[margin : margin + size, left : left + width] = _face(person, size, variant, blurred, dark)[
            :, :width
        ]
    return image


def person_jpeg(*people: int, quality: int = 95, **how: object) -> bytes:
    """As `person_picture`, as JPEG bytes."""
    return encode_jpeg(person_picture(*people, **how), quality)  # type: ignore[arg-type]


def wall_jpeg(variant: int = 0) -> bytes:
    """A picture without a face."""
    return encode_jpeg(np.full((240, 320, 3), GROUND + variant % 20, np.uint8))


def black_jpeg() -> bytes:
    """What a covered camera gives: nothing but a little noise."""
    noise = np.random.default_rng(5).integers(0, 12, (240, 320, 3), dtype=np.uint8)
    return encode_jpeg(noise)


def person_vector(person: int, dimensions: int = 512) -> Floats:
    """The direction around which this person's fake vectors lie."""
    vector = np.random.default_rng(1000 + person).standard_normal(dimensions).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


class FakeDetector:
    batches = False

    def detect(self, image: Image, *, min_face: float | None = None, score: float = 0.3) -> list[Face]:
        spread = image.max(axis=2).astype(int) - image.min(axis=2)
        mask = cv2.morphologyEx((spread > 30).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        boxes = [tuple(float(v) for v in stats[i][:4]) for i in range(1, count) if stats[i][4] >= 64]
        faces = [_face_of(*box) for box in boxes]
        return sorted((f for f in faces if min(f.width, f.height) >= (min_face or 0)), key=lambda f: -f.score)

    def look(self, image: Image, view: View, *, score: float | None = None) -> list[Face]:
        """Every view shows the same."""
        return self.detect(image)


class FakeRefiner:
    """Looks at nothing and finds every face true."""

    def refine(self, image: Image, faces: Sequence[Face]) -> list[Face]:
        return [replace(face, faceness=5.0) for face in faces]


class FakeInspector:
    """Finds every face well aligned and uncovered."""

    def inspect(self, image: Image, faces: Sequence[Face]) -> list[Face]:
        return [replace(face, inspection=Inspection(1.0, 0.0, 0.0)) for face in faces]

    def inspect_many(self, images: Sequence[Image], faces: Sequence[Sequence[Face]]) -> list[list[Face]]:
        return [self.inspect(image, found) for image, found in zip(images, faces, strict=True)]


class FakeEmbedder:
    """name: embedders of different names have different vectors for the same person."""

    version = "1"
    mirrored = False

    def __init__(self, dimensions: int = 512, name: str = "fake-embedder") -> None:
        self.dimensions = dimensions
        self.name = name
        self.first = 0 if name == "fake-embedder" else 500 + len(name)

    def embed(self, crops: Sequence[Image], *, mirrored: bool | None = None) -> Floats:
        rows = [self._one(crop) for crop in crops]
        return np.stack(rows) if rows else np.empty((0, self.dimensions), np.float32)

    def embed_both(self, crops: Sequence[Image]) -> tuple[Floats, Floats]:
        return self.embed(crops), self.embed(crops, mirrored=True)

    def _one(self, crop: Image) -> Floats:
        colour = np.median(crop[30:90, 30:90].reshape(-1, 3), axis=0)
        bright = colour / max(1.0, colour.max()) * max(LEVELS)  # a dark photo has the same hue
        person = int(np.argmin([np.abs(bright - np.array(c) / max(c) * max(LEVELS)).sum() for c in COLOURS]))
        seed = int.from_bytes(hashlib.sha256(crop.tobytes()).digest()[:4], "big")
        noise = np.random.default_rng(seed).standard_normal(self.dimensions)
        vector = person_vector(self.first + person, self.dimensions) + NOISE * noise / np.linalg.norm(noise)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _face(person: int, size: int, variant: int, blurred: bool, dark: bool) -> Image:
    face = np.empty((size, size, 3), np.uint8)
    face[:] = COLOURS[person]
    if not blurred:
        step = max(4, size // 16)
        face[variant % step :: step] //= 2
        face[:, (2 * variant) % step :: step] //= 2
    if dark:
        face //= 5
    return face


def _face_of(left: float, top: float, width: float, height: float) -> Face:
    full = max(width, height)
    landmarks = TEMPLATE / SIDE * full + np.array([left, top], np.float32)
    landmarks[2, 1] += NOSE * full  # where the refiner sees the nose of a level face
    if width < 0.8 * height:  # a turned face is drawn narrow
        landmarks[2, 0] += TURN * (landmarks[1, 0] - landmarks[0, 0])
    score = round(0.9 - 0.0001 * left, 4)
    return Face((left, top, left + width, top + height), score, landmarks.astype(np.float32), None)


class InBatches:
    """Mixed into a fake: it takes many at once, as on a GPU. sizes: how many at a time it was given, pictures that are
    looked at again not counted."""

    batches = True
    sizes: list[int]


class FakeBatchDetector(InBatches, FakeDetector):
    def __init__(self) -> None:
        self.sizes = []

    def look_many(self, images: Sequence[Image], view: View) -> list[list[Face]]:
        if view == WHOLE:
            self.sizes.append(len(images))
        return [self.look(image, view) for image in images]


class FakeBatchRefiner(FakeRefiner):
    def refine_many(self, images: Sequence[Image], faces: Sequence[Sequence[Face]]) -> list[list[Face]]:
        return [self.refine(image, found) for image, found in zip(images, faces, strict=True)]


class FakeBatchEmbedder(InBatches, FakeEmbedder):
    def __init__(self) -> None:
        super().__init__()
        self.sizes = []

    def embed(self, crops: Sequence[Image], *, mirrored: bool | None = None) -> Floats:
        self.sizes.append(len(crops))
        return super().embed(crops, mirrored=mirrored)
