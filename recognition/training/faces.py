"""A folder of photos, one sub-folder per person -> aligned crops in one file that is mapped into memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from recognition.engine.images import decode
from recognition.engine.types import EngineError, Image, ImageError
from recognition.training.teacher import Teacher

SIDE = 112
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
TEACHER_SIDE, TEACHER_PADDING = 300, 30

Align = Callable[[Image], Image | None]  # photo -> aligned crop, None without a face


class FolderError(EngineError):
    """The folder holds nothing to learn from."""


@dataclass(frozen=True, slots=True)
class Sample:
    path: Path
    person: int


@dataclass(frozen=True, slots=True)
class Crops:
    """images: (n, 112, 112, 3) RGB. people: (n,) numbers 0 .. people - 1. paths: where each comes from."""

    images: NDArray[np.uint8]
    people: NDArray[np.int32]
    paths: tuple[Path, ...]

    @property
    def count(self) -> int:
        return int(self.people.max()) + 1


def samples_of(folder: Path) -> list[Sample]:
    """Photos of the sub-folders, each a person; in a folder without sub-folders each photo is one of its own."""
    if not folder.is_dir():
        raise FolderError(f"{folder} is not a folder.")
    people = sorted(path for path in folder.iterdir() if path.is_dir())
    if people:
        found = [Sample(path, number) for number, person in enumerate(people) for path in _pictures(person)]
    else:
        found = [Sample(path, number) for number, path in enumerate(_pictures(folder))]
    if len({sample.person for sample in found}) < 2:
        raise FolderError(f"{folder} needs photos of at least two people, each in a folder of their own.")
    return found


def crops_of(
    folder: Path,
    samples: Sequence[Sample],
    cache: Path,
    align: Align,
    *,
    teacher: Teacher | None = None,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Crops:
    """The crops, from the cache file where it is of the same photos. Photos without a face are left out."""
    listing = cache.with_suffix(".json")
    key = _key(folder, samples, teacher)
    if not _is_for(listing, key):
        _make(folder, samples, cache, align, teacher, tell, key)
    document = json.loads(listing.read_text(encoding="utf-8"))
    chosen = [samples[index] for index in document["kept"]]
    images = np.lib.format.open_memmap(cache, mode="r")
    _, people = np.unique([sample.person for sample in chosen], return_inverse=True)
    return Crops(images, people.astype(np.int32), tuple(sample.path for sample in chosen))


def _make(
    folder: Path,
    samples: Sequence[Sample],
    cache: Path,
    align: Align,
    teacher: Teacher | None,
    tell: Callable[[int, int], None],
    key: str,
) -> None:
    part = cache.with_name(cache.name + ".part")
    images = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(len(samples), SIDE, SIDE, 3))
    kept: list[int] = []
    for index, sample in enumerate(samples):
        crop = _crop(folder, sample.path, align, teacher)
        if crop is not None:
            images[len(kept)] = crop
            kept.append(index)
        tell(index + 1, len(samples))
    if len({samples[index].person for index in kept}) < 2:
        raise FolderError(f"Fewer than two people in {folder} have a photo with a face.")
    images.flush()
    if len(kept) < len(samples):
        _shorten(part, images, len(kept))
    part.replace(cache)
    cache.with_suffix(".json").write_text(json.dumps({"key": key, "kept": kept}), encoding="utf-8")


def _shorten(path: Path, images: NDArray[np.uint8], count: int) -> None:
    shorter = path.with_name(path.name + ".short")
    target = np.lib.format.open_memmap(shorter, mode="w+", dtype=np.uint8, shape=(count, *images.shape[1:]))
    for start in range(0, count, 1000):
        target[start : start + 1000] = images[start : min(start + 1000, count)]
    target.flush()
    shorter.replace(path)


def _crop(folder: Path, path: Path, align: Align, teacher: Teacher | None) -> Image | None:
    try:
        photo = decode(path.read_bytes())
    except (OSError, ImageError):
        return None
    row = teacher.row(path, folder) if teacher is not None else None
    if teacher is not None and teacher.crops is not None and row is not None:
        return teacher_crop(photo, teacher.crops[row])
    if photo.shape == (SIDE, SIDE, 3):
        return photo
    return align(photo)


def teacher_crop(photo: Image, similarity: NDArray[np.float64]) -> Image:
    scale = TEACHER_SIDE / max(photo.shape[:2])
    size = (round(photo.shape[1] * scale), round(photo.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(photo, size, interpolation=method)
    padding = (TEACHER_PADDING,) * 4
    padded = cv2.copyMakeBorder(resized, *padding, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.warpAffine(padded, similarity, (SIDE, SIDE)), np.uint8)


def _pictures(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def _key(folder: Path, samples: Sequence[Sample], teacher: Teacher | None) -> str:
    digest = hashlib.sha256(str(teacher is not None and teacher.crops is not None).encode())
    for sample in samples:
        stat = sample.path.stat()
        digest.update(f"{sample.path.relative_to(folder)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _is_for(listing: Path, key: str) -> bool:
    try:
        return bool(json.loads(listing.read_text(encoding="utf-8"))["key"] == key)
    except (OSError, ValueError, KeyError):
        return False
