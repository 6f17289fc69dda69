"""Picture + landmarks -> what the aligned face shows besides who it is: well aligned at all, mask, sunglasses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from recognition.engine.alignment import align
from recognition.engine.runtimes.litert import InterpreterPool
from recognition.engine.runtimes.pools import OpensPool, Pool, open_pool, run_all
from recognition.engine.types import Face, Floats, Image, Inspection
from recognition.engine.weights import Manifest

SIDE = 56


class Inspector:
    """Safe to use from several threads. pool: None leaves the faces as they are."""

    def __init__(self, pool: Pool | Path | None) -> None:
        self._pool: Pool | None = InterpreterPool(pool) if isinstance(pool, Path) else pool

    @classmethod
    def from_manifest(
        cls,
        manifest: Manifest,
        name: str | None = None,
        *,
        size: int = 2,
        threads: int = 1,
        opens: OpensPool = open_pool,
    ) -> Inspector:
        spec = manifest.spec(name) if name else manifest.default("inspector")
        return cls(opens(manifest, spec, size=size, threads=threads))

    def inspect(self, image: Image, faces: Sequence[Face]) -> list[Face]:
        """The faces in their order, with what is seen of each."""
        return self.inspect_many([image], [faces])[0]

    def inspect_many(self, images: Sequence[Image], faces: Sequence[Sequence[Face]]) -> list[list[Face]]:
        """As `inspect` for each picture and its faces; all faces in one run where the pool takes batches."""
        pool = self._pool
        if pool is None or not any(faces):
            return [list(found) for found in faces]
        crops = [
            align(image, face.landmarks, SIDE)
            for image, found in zip(images, faces, strict=True)
            for face in found
        ]
        rows = iter(
            run_all(pool, (np.stack(crops).astype(np.float32) - np.float32(127.5)) / np.float32(128))[0]
        )
        return [[replace(face, inspection=_inspection(next(rows))) for face in found] for found in faces]


def _inspection(logits: Floats) -> Inspection:
    aligned, mask, sunglasses = (1 / (1 + np.exp(-logits.astype(np.float64)))).tolist()
    return Inspection(aligned, mask, sunglasses)
