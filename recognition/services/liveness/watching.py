"""Frames of one challenge through this process's networks, each beside the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from recognition.engine.liveness.relief import relief
from recognition.engine.liveness.sights import Sight, difference, sight_of
from recognition.engine.liveness.signs import signs_of
from recognition.engine.quality import PROBE, unlit
from recognition.engine.types import Floats, Image
from recognition.services.analysis import get_analyzer

SIGNS_EVERY = 3  # frames; a screen does not come and go


@dataclass(slots=True)
class Watcher:
    """What is remembered from frame to frame: the first face, that of the frame before with its crop, and the crop
    of the face at rest.

    analyzer: this process's, unless a bench brings another.
    """

    first: Floats | None = None
    before: Floats | None = None
    crop: Image | None = None
    rest: Image | None = None
    frames: int = 0
    analyzer: Any = None

    def see(self, at: float, image: Image) -> Sight:
        """at: seconds by the clock of the camera's device. image: (H, W, 3) uint8 RGB."""
        analyzer = self.analyzer or get_analyzer()
        seen = analyzer.find(image, PROBE)
        self.frames += 1
        if not seen:
            return Sight(at, reasons=("too_dark",) if unlit(image) else ())
        face = seen[0]
        vector = np.asarray(analyzer.embed([face.crop])[0], np.float32)
        if self.first is None:
            self.first = vector
        before = vector if self.before is None else self.before
        sight = sight_of(
            at,
            image,
            [other.face for other in seen],
            face.quality,
            like=float(vector @ before),
            same=float(vector @ self.first),
            change=difference(face.crop, self.crop),
            relief=0.0 if self.rest is None else relief(self.rest, face.crop)[1],
            signs=signs_of(image, face.face) if self.frames % SIGNS_EVERY == 1 else None,
        )
        self.before, self.crop = vector, face.crop
        return sight

    def at_rest(self) -> None:
        """The frame seen last shows the face at rest."""
        self.rest = self.crop
