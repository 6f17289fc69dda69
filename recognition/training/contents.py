"""Digests of what a run learns from, so that it does not go on with something else of the same size."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recognition.engine.weights import file_sha256
from recognition.training.faces import Crops
from recognition.training.labels import Picture, joined
from recognition.training.teacher import Teacher


def of_crops(crops: Crops) -> str:
    """Which photos, in which order, and who is on each."""
    return _digest(_inside(crops.paths), crops.people.tobytes())


def of_teacher(teacher: Teacher | None) -> str | None:
    """As its file has them: turned to a network's directions they would differ from run to run."""
    if teacher is None:
        return None
    crops = b"" if teacher.crops is None else teacher.crops.tobytes()
    return _digest(repr(list(teacher.rows.items())).encode(), teacher.vectors.tobytes(), crops)


def of_pictures(pictures: Sequence[Picture]) -> str:
    """Which pictures, in which order, of which size, and what is labelled in each."""
    sizes = np.array([(*picture.size, len(picture.labels)) for picture in pictures], np.int64)
    labels = joined([picture.labels for picture in pictures])
    points = np.nan_to_num(labels.points, nan=-1.0)  # there are many numbers that are none
    return _digest(
        _inside([picture.path for picture in pictures]),
        sizes.tobytes(),
        labels.boxes.tobytes(),
        points.tobytes(),
    )


def of_file(path: Path | None) -> str | None:
    """Raises OSError."""
    return None if path is None else file_sha256(path)


def _inside(paths: Sequence[Path]) -> bytes:
    """The paths in their common folder, which may be named otherwise or lie elsewhere when the run goes on."""
    folder = os.path.commonpath([path.parent for path in paths])
    return b"\0".join(os.fsencode(path.relative_to(folder)) for path in paths)


def _digest(*parts: bytes) -> str:
    """Of the parts and of where each ends."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
