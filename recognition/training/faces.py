"""A folder of photos -> aligned crops with the number of the person on each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from recognition.engine.types import EngineError, Image
from recognition.training.crop_cache import SIDE, Progress, cached_crops
from recognition.training.teacher import Teacher

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".heic", ".avif", ".tif", ".tiff"}
TEACHER_SIDE, TEACHER_PADDING = 300, 30

Align = Callable[[Image], Image | None]  # photo -> aligned crop, None without a face


class FolderError(EngineError):
    """The folder holds nothing to learn from; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Sample:
    path: Path
    person: int


@dataclass(frozen=True, slots=True)
class Crops:
    """images: (n, 112, 112, 3) RGB. people: (n,) numbers 0 .. people - 1. paths: where each comes from.

    lost: photos left out, by reason.
    """

    images: NDArray[np.uint8]
    people: NDArray[np.int32]
    paths: tuple[Path, ...]
    lost: dict[str, int]

    @property
    def count(self) -> int:
        return int(self.people.max()) + 1


def samples_of(folder: Path, teacher: Teacher | None = None) -> list[Sample]:
    """The photos of the sub-folders, each of which is a person, deeper folders included.

    A folder without sub-folders is taken with a teacher only: each photo that it names is then a person of its own.
    Raises FolderError.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder} is not a folder.")
    people = sorted(path for path in folder.iterdir() if path.is_dir())
    if people:
        found = [Sample(path, number) for number, person in enumerate(people) for path in _pictures(person)]
    else:
        found = [Sample(path, number) for number, path in enumerate(_pictures(folder))]
    if not found:
        raise FolderError(f"There is no photo in {folder} ({', '.join(sorted(SUFFIXES))}).")
    if teacher is not None:
        named = [sample for sample in found if teacher.row(sample.path, folder) is not None]
        if not named:
            raise FolderError(f"The teacher's file names none of the {len(found)} photos in {folder}.")
        return found if people else named
    if not people:
        raise FolderError(
            f"The photos of each person in {folder} belong in a sub-folder of their own. "
            "Only with --teacher they may lie together."
        )
    if len({sample.person for sample in found}) < 2:
        raise FolderError(f"{folder} has photos of one person only; to tell people apart takes at least two.")
    return found


def crops_of(
    folder: Path,
    samples: Sequence[Sample],
    caches: Path,
    align: Align,
    *,
    aligned_by: str = "",
    teacher: Teacher | None = None,
    threads: int = 1,
    tell: Progress = lambda done, total: None,
) -> Crops:
    """The crops, made once and kept in the folder ``caches``. Photos of 112x112 are crops already.

    aligned_by: names of the models behind ``align``, so that others make new crops. Raises FolderError when fewer
    than two people are left.
    """
    similarities = teacher.crops if teacher is not None else None

    def crop(path: Path, photo: Image) -> Image | None:
        row = teacher.row(path, folder) if teacher is not None and similarities is not None else None
        if row is not None and similarities is not None:
            return teacher_crop(photo, similarities[row])
        return photo if photo.shape == (SIDE, SIDE, 3) else align(photo)

    paths = [sample.path for sample in samples]
    cache = caches / f"{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]}.npy"
    made_by = f"{aligned_by} {_digest(similarities)}"
    file = cached_crops(paths, cache, crop, made_by=made_by, threads=threads, tell=tell)
    chosen = [samples[index] for index in file.kept]
    numbers, people = np.unique(np.array([sample.person for sample in chosen], np.int64), return_inverse=True)
    if len(numbers) < 2:
        lost = ", ".join(f"{count} {reason}" for reason, count in file.lost.items())
        raise FolderError(f"Fewer than two people in {folder} have a photo that can be used: {lost}.")
    return Crops(file.images, people.astype(np.int32), tuple(sample.path for sample in chosen), file.lost)


def teacher_crop(photo: Image, similarity: NDArray[np.float64]) -> Image:
    """The crop (112, 112, 3) that the teacher saw; see ``Teacher``."""
    scale = TEACHER_SIDE / max(photo.shape[:2])
    size = (max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(photo, size, interpolation=method)
    padding = (TEACHER_PADDING,) * 4
    padded = cv2.copyMakeBorder(resized, *padding, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.warpAffine(padded, similarity, (SIDE, SIDE)), np.uint8)


def _pictures(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def _digest(similarities: NDArray[np.float64] | None) -> str:
    return "" if similarities is None else hashlib.sha256(similarities.tobytes()).hexdigest()
