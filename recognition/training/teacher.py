"""Vectors of a better network for each photo, that the student learns to reproduce."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from recognition.engine.types import EngineError, Floats


class TeacherError(EngineError):
    """The file of the teacher's vectors cannot be used."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """vectors: (n, d) of unit length. crops: (n, 2, 3) similarities that make the aligned crops, or None.

    A similarity applies to the photo resized so that its longer side is 300 pixels and padded by 30 pixels.
    """

    rows: dict[str, int]
    vectors: Floats
    crops: NDArray[np.float64] | None = None

    @classmethod
    def load(cls, path: Path) -> Teacher:
        """An ``.npz`` with ``names`` (file names or paths in the training folder), ``emb`` and, if known, ``aff``."""
        try:
            with np.load(path) as file:
                names, vectors = file["names"], file["emb"].astype(np.float32)
                crops = file["aff"].astype(np.float64) if "aff" in file.files else None
        except (OSError, KeyError, ValueError, AttributeError, BadZipFile) as error:
            raise TeacherError(f"{path} needs arrays `names` and `emb`: {error}") from error
        if vectors.ndim != 2 or len(names) != len(vectors):
            raise TeacherError(f"{path}: {len(names)} names, but vectors of shape {vectors.shape}")
        if crops is not None and crops.shape != (len(names), 2, 3):
            raise TeacherError(f"{path}: `aff` has the shape {crops.shape}, not ({len(names)}, 2, 3)")
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return cls({str(name): row for row, name in enumerate(names)}, vectors, crops)

    def row(self, path: Path, folder: Path) -> int | None:
        """By the path in the training folder, else by the file name."""
        inside = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
        return self.rows.get(inside, self.rows.get(path.name))


def widened(vectors: Floats, dimensions: int, like: tuple[Floats, Floats] | None = None) -> Floats:
    """The vectors (n, given) in a space of more dimensions, with the same inner products.

    like: (m, given) vectors of the teacher and (m, dimensions) of a network for the same photos; the space is then
    turned so that the first come nearest to the second (orthogonal Procrustes problem, Schoenemann 1966), since a
    network that has learned from the teacher has its directions already. Else the directions are fixed at random.
    Raises TeacherError when there are fewer dimensions than the vectors have.
    """
    given = vectors.shape[1]
    if given > dimensions:
        raise TeacherError(f"The teacher's vectors have {given} numbers, the network only {dimensions}.")
    if like is not None:
        left, _, right = np.linalg.svd(like[0].T.astype(np.float64) @ like[1], full_matrices=False)
        basis = left @ right
    elif given == dimensions:
        return vectors
    else:
        basis = np.linalg.qr(np.random.default_rng(0).normal(size=(dimensions, given)))[0].T
    return np.asarray(vectors @ basis, np.float32)
