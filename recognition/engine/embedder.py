"""Aligned crops -> unit vectors (GhostFaceNet)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recognition.engine.litert import InterpreterPool
from recognition.engine.types import Floats, Image
from recognition.engine.weights import Manifest


class Embedder:
    """Safe to use from several threads. name, version: which model made the vectors; others cannot be compared."""

    def __init__(
        self, pool: InterpreterPool | Path, *, dimensions: int = 512, name: str = "", version: str = ""
    ) -> None:
        self._pool = InterpreterPool(pool) if isinstance(pool, Path) else pool
        self.dimensions = dimensions
        self.name = name
        self.version = version

    @classmethod
    def from_manifest(cls, manifest: Manifest, name: str | None = None, *, size: int = 2, threads: int = 1) -> Embedder:
        spec = manifest.spec(name) if name else manifest.default("embedder")
        pool = InterpreterPool(manifest.path(spec), size=size, threads=threads)
        dimensions = int(str(spec.output.get("dimensions", 512)))
        return cls(pool, dimensions=dimensions, name=spec.name, version=spec.version)

    def embed(self, crops: Sequence[Image], *, mirrored: bool = False) -> Floats:
        """(n, dimensions) unit vectors of n aligned crops (112, 112, 3).

        mirrored: add the vector of the mirrored crop, which costs a second run and is a little more accurate.
        """
        if not len(crops):
            return np.empty((0, self.dimensions), np.float32)
        batch = (np.stack(crops).astype(np.float32) - 127.5) / 128
        vectors = self._run(batch)
        if mirrored:
            vectors = vectors + self._run(batch[:, :, ::-1])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)

    def _run(self, batch: Floats) -> Floats:
        with self._pool.lease() as runner:
            return np.concatenate([runner.run(one[None])[0] for one in batch])
