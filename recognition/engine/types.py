"""The values that travel between the parts of the engine, and the exceptions it raises.

Pictures are ``uint8`` arrays of shape (height, width, 3), RGB, already turned upright.
Coordinates are pixels of that picture, x to the right and y down, as floats.
Vectors are ``float32`` and of unit length, so their inner product is the cosine.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an aligned crop shows besides who it is, as probabilities, 0..1.

    aligned: a human face whose eyes and mouth are where the landmarks say. mask: nose or mouth are covered.
    sunglasses: the eyes are.
    """

    aligned: float
    mask: float
    sunglasses: float


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in a picture.

    box: left, top, right, bottom; it may reach a little outside the picture.
    score: the detector's confidence, 0..1.
    landmarks: (5, 2) float32: left eye, right eye, nose, left and right mouth corner,
        left and right as seen in the picture.
    faceness: the refiner's logit of "this is a face"; ``None`` before the refiner has looked.
    turn: degrees, clockwise, by which the picture was turned back to see this face upright.
    inspection: ``None`` before the inspector has looked.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: Floats
    faceness: float | None = None
    turn: float = 0.0
    inspection: Inspection | None = None

    @property
    def width(self) -> float:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)


@dataclass(frozen=True, slots=True)
class Quality:
    """How fit a face is for recognition.

    size: the shorter side of the box in pixels.
    sharpness: variance of the second difference between eyes and mouth, in the less sharp direction and as at a
        contrast of 50; higher is sharper, good photographs have 20 to 200.
    brightness, contrast: mean and deviation of the grey aligned crop between eyes and mouth, 0..255.
    yaw, pitch, roll: degrees, estimated from the landmarks; yaw is negative when the nose
        moves to the left of the picture, pitch is positive when the face looks up, roll when the head leans clockwise.
        A picture that lies on its side is meant as if it stood upright.
    score: one figure for ordering, 0 (useless) .. 1 (ideal).
    reasons: why it is not fit, as codes of ``REASONS``; empty when it is fit.
    """

    size: float
    sharpness: float
    brightness: float
    contrast: float
    yaw: float
    pitch: float
    roll: float
    score: float
    reasons: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Match:
    """One person of the gallery that a probe resembles.

    score: final cosine, -1..1, from the person's own photo vectors and the template.
    template_score: cosine to the representative vector (the first stage).
    """

    identity_id: int
    score: float
    template_score: float


TOO_LARGE = (
    "The picture is too large. Use one of at most 50 megapixels (WebP and AVIF 25) and {megabytes} MB."
)

# Codes of why a picture or a face cannot be used, with what a person should do next.
REASONS: dict[str, str] = {
    "unreadable": "The file is not a picture that can be read. Use a JPEG, PNG, WebP, HEIC, AVIF, TIFF or BMP photo.",
    "empty": "The file is empty. Choose a photo.",
    "too_large": TOO_LARGE.format(megabytes=15),
    "animated": "The file is an animation. Use a still photo.",
    "no_face": "No face was found. Use a photo that shows the face clearly, from the front.",
    "several_faces": "There are several faces. Choose the one that belongs to this person.",
    "covered": "The face is covered. Take off mask or sunglasses.",
    "too_small": "The face is too small. Come closer, or use a larger photo.",
    "too_blurred": "The photo is too blurred. Hold still, or use a sharper photo.",
    "too_dark": "The face is too dark. Use more light.",
    "too_bright": "The face is too bright. Use less light, or turn away from it.",
    "too_turned": "The face is turned too far. Look straight into the camera.",
    "duplicate": "This file is already among the photos of this person.",
}


class EngineError(Exception):
    """Base of what the engine raises. ``retryable`` says whether trying again can help."""

    retryable = False


class ImageError(EngineError):
    """The bytes are not a picture that can be used. ``code`` is a key of ``REASONS``."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        super().__init__(REASONS[code] if not detail else f"{REASONS[code]} ({detail})")


class ModelFileError(EngineError):
    """A weight file is missing or is not the one that the manifest names."""


class GalleryError(EngineError):
    """Base of what a stored gallery can be wrong with; the remedy is always to rebuild it."""


class GalleryCorrupt(GalleryError):
    """The stored gallery is cut short or its checksum is wrong."""


class GalleryIncompatible(GalleryError):
    """The stored gallery has another format version, model or vector length."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One entry of ``models/manifest.json``.

    weights: ``file``, ``sha256`` and ``size`` of the original weights that the file was converted from; empty where
    there are none, or where they are served as they are.
    """

    name: str
    kind: str  # "detector", "refiner" or "embedder"
    version: str
    file: str
    sha256: str
    size: int
    input: dict[str, object] = field(default_factory=dict)
    output: dict[str, object] = field(default_factory=dict)
    licence: str = ""
    source: str = ""
    accuracy: dict[str, object] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)
    weights: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConvertedModel:
    """One file that can be installed. kind, input, output and settings are those of ``ModelSpec``.

    content: of the file. suffix: to be added to the model's name, as a detector comes as one file for each input
    size.
    """

    kind: str
    content: bytes
    input: dict[str, object]
    output: dict[str, object]
    settings: dict[str, object] = field(default_factory=dict)
    suffix: str = ""
