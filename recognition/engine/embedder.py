"""Aligned crops -> unit vectors (GhostFaceNet, SFace)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from recognition.engine.runtimes.litert import InterpreterPool
from recognition.engine.runtimes.pools import OpensPool, Pool, open_pool, run_all, takes_batches
from recognition.engine.types import Floats, Image, ModelFileError, ModelSpec
from recognition.engine.weights import Manifest

CENTRED = "(x - 127.5) / 128"
# As a manifest entry writes it in ``input.scaling`` -> what is done to the pixels, 0..255.
SCALINGS: dict[str, Callable[[Floats], Floats]] = {
    CENTRED: lambda x: (x - np.float32(127.5)) / np.float32(128),
    "x": lambda x: x,
}


class Embedder:
    """Safe to use from several threads.

    name, version: which model makes the vectors; those of different models cannot be compared.
    scaling: one of `SCALINGS`.
    """

    def __init__(
        self,
        pool: Pool | Path,
        *,
        dimensions: int = 512,
        name: str = "",
        version: str = "",
        mirrored: bool = False,
        scaling: str = CENTRED,
    ) -> None:
        self._pool: Pool = InterpreterPool(pool) if isinstance(pool, Path) else pool
        self._scale = SCALINGS[scaling]
        self.dimensions = dimensions
        self.name = name
        self.version = version
        self.mirrored = mirrored

    @classmethod
    def from_manifest(
        cls,
        manifest: Manifest,
        name: str | None = None,
        *,
        size: int = 2,
        threads: int = 1,
        opens: OpensPool = open_pool,
    ) -> Embedder:
        """The named or default embedder, run by what its file is made for unless ``opens`` knows another way.

        Raises ModelFileError when its file is not the right one, or its pixels are to be scaled in an unknown way.
        """
        spec = manifest.spec(name) if name else manifest.default("embedder")
        return cls(
            opens(manifest, spec, size=size, threads=threads),
            dimensions=int(str(spec.output.get("dimensions", 512))),
            name=spec.name,
            version=spec.version,
            mirrored=bool(spec.settings.get("mirrored", False)),
            scaling=_scaling(spec),
        )

    @property
    def batches(self) -> bool:
        """Whether many crops in one call are faster than one after another."""
        return takes_batches(self._pool)

    def embed(self, crops: Sequence[Image], *, mirrored: bool | None = None) -> Floats:
        """(n, dimensions) unit vectors of n aligned crops (112, 112, 3).

        mirrored: add the vector of the mirrored crop, which costs a second run and leaves out a third of the
        false
            rejections on real faces. None: as the model's manifest entry says (``settings.mirrored``).
            Vectors made with and without it can be compared, but a threshold belongs to one of the two.
        """
        if not len(crops):
            return np.empty((0, self.dimensions), np.float32)
        batch = self._batch(crops)
        vectors = self._run(batch)
        if self.mirrored if mirrored is None else mirrored:
            vectors = vectors + self._run(batch[:, :, ::-1])
        return _unit(vectors)

    def embed_both(self, crops: Sequence[Image]) -> tuple[Floats, Floats]:
        """As `embed` without and with the mirrored view, in two runs instead of three."""
        batch = self._batch(crops)
        vectors = self._run(batch)
        return _unit(vectors), _unit(vectors + self._run(batch[:, :, ::-1]))

    def _batch(self, crops: Sequence[Image]) -> Floats:
        return self._scale(np.stack(crops).astype(np.float32))

    def _run(self, batch: Floats) -> Floats:
        return run_all(self._pool, batch)[0]


def _scaling(spec: ModelSpec) -> str:
    scaling = str(spec.input.get("scaling", CENTRED))
    if scaling not in SCALINGS:
        known = " or ".join(repr(name) for name in SCALINGS)
        raise ModelFileError(f"The scaling of {spec.name} is {scaling!r} in the manifest; it may be {known}.")
    return scaling


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)
