"""Aligned crops of many photos in one file that is mapped into memory, made once."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recognition.engine.images import decode
from recognition.engine.types import Image, ImageError

SIDE = 112
AHEAD = 64  # photos in work or waiting to be written
UNREADABLE, FACELESS = "unreadable", "without a face"

Progress = Callable[[int, int], None]  # photos done, photos in all


@dataclass(frozen=True, slots=True)
class CropFile:
    """images: (n, 112, 112, 3) RGB, mapped. kept: (n,) which of the photos each is. lost: reason -> how many."""

    images: NDArray[np.uint8]
    kept: NDArray[np.int64]
    lost: dict[str, int]


def cached_crops(
    paths: Sequence[Path],
    cache: Path,
    crop: Callable[[Path, Image], Image | None],
    *,
    made_by: str,
    threads: int = 1,
    tell: Progress = lambda done, total: None,
) -> CropFile:
    """From ``cache`` (an ``.npy``) where it is of the same photos and made the same way, else made and kept there.

    crop: path and decoded photo -> (112, 112, 3), None without a face. made_by: changes when ``crop`` does.
    Files that are no pictures are counted and left out. A photo counts as the same by path, size and time.
    """
    listing = cache.with_suffix(".json")
    key = _key(paths, made_by)
    document = _read(listing)
    if document.get("key") != key or not cache.is_file():
        document = _make(paths, cache, crop, threads, tell)
        _write(listing, {**document, "key": key})
    kept = np.array(document["kept"], np.int64)
    images = (
        np.lib.format.open_memmap(cache, mode="r") if len(kept) else np.empty((0, SIDE, SIDE, 3), np.uint8)
    )
    return CropFile(images[: len(kept)], kept, document["lost"])


def _make(
    paths: Sequence[Path],
    cache: Path,
    crop: Callable[[Path, Image], Image | None],
    threads: int,
    tell: Progress,
) -> dict[str, object]:
    def one(path: Path) -> Image | str:
        try:
            photo = decode(path.read_bytes())
        except (OSError, ImageError):
            return UNREADABLE
        found = crop(path, photo)
        return FACELESS if found is None else found

    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.with_suffix(".json").unlink(missing_ok=True)
    part = cache.with_name(cache.name + ".part")
    images = np.lib.format.open_memmap(
        part, mode="w+", dtype=np.uint8, shape=(max(len(paths), 1), SIDE, SIDE, 3)
    )
    kept: list[int] = []
    lost: Counter[str] = Counter()
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(paths), AHEAD):
            for number, found in enumerate(pool.map(one, paths[start : start + AHEAD]), start):
                if isinstance(found, str):
                    lost[found] += 1
                else:
                    images[len(kept)] = found
                    kept.append(number)
            tell(min(start + AHEAD, len(paths)), len(paths))
    images.flush()
    part.replace(cache)  # rows after the last crop stay empty and take no room in a sparse file
    return {"kept": kept, "lost": dict(lost)}


def _key(paths: Sequence[Path], made_by: str) -> str:
    digest = hashlib.sha256(f"{made_by} {SIDE}\n".encode())
    for path in paths:
        stat = path.stat()
        digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _read(listing: Path) -> dict[str, object]:
    try:
        found = json.loads(listing.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(listing: Path, document: dict[str, object]) -> None:
    part = listing.with_name(listing.name + ".part")
    part.write_text(json.dumps(document), encoding="utf-8")
    part.replace(listing)
