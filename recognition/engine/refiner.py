"""Picture + boxes -> steadier landmarks and "is it a face", by a small network of our own that looks at each box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from recognition.engine.litert import InterpreterPool
from recognition.engine.types import Face, Floats, Image
from recognition.engine.weights import Manifest

SIDE = 64
MARGIN = 1.3  # the crop's side as a multiple of the longer side of the box


class Refiner:
    """Safe to use from several threads.

    min_faceness: faces whose logit is lower are dropped. 0 loses 0.3 % of true faces; None keeps everything.
    """

    def __init__(self, pool: InterpreterPool | Path, *, min_faceness: float | None = 0.0) -> None:
        self._pool = InterpreterPool(pool) if isinstance(pool, Path) else pool
        self.min_faceness = min_faceness

    @classmethod
    def from_manifest(cls, manifest: Manifest, name: str | None = None, *, size: int = 2, threads: int = 1) -> Refiner:
        spec = manifest.spec(name) if name else manifest.default("refiner")
        return cls(InterpreterPool(manifest.path(spec), size=size, threads=threads))

    def refine(self, image: Image, faces: Sequence[Face]) -> list[Face]:
        """The faces in their order, with new landmarks and faceness, without those that are none."""
        if not faces:
            return []
        refined = [_refined(face, output) for face, output in zip(faces, self._run(image, faces), strict=True)]
        return self.true_faces(refined)

    def true_faces(self, faces: Sequence[Face]) -> list[Face]:
        limit = self.min_faceness
        return [face for face in faces if limit is None or face.faceness is None or face.faceness >= limit]

    def _run(self, image: Image, faces: Sequence[Face]) -> Floats:
        """(n, 11) raw outputs."""
        crops = np.stack([crop(image, face) for face in faces])
        return self._pool.run((crops.astype(np.float32) - 127.5) / 128)[0]


def crop(image: Image, face: Face) -> Image:
    """The square around the box as (64, 64, 3); beyond the picture its border is repeated."""
    left, top, side = _square(face)
    scale = SIDE / side
    matrix = np.array([[scale, 0, -scale * left], [0, scale, -scale * top]])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(
        cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=method, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _square(face: Face) -> tuple[float, float, float]:
    left, top, right, bottom = face.box
    side = max(MARGIN * max(face.width, face.height), 1.0)
    return (left + right - side) / 2, (top + bottom - side) / 2, side


def _refined(face: Face, output: Floats) -> Face:
    left, top, side = _square(face)
    landmarks = output[:10].reshape(5, 2) * side + np.array([left, top], np.float32)
    return replace(face, landmarks=landmarks.astype(np.float32), faceness=float(output[10]))
