"""The gallery as a file: written beside and renamed, read by mapping it into memory, refused when damaged.

Layout, little-endian: 8 bytes of magic with the format version, 4 bytes length of the header, a JSON header,
padding to 64 bytes, the arrays of ``SECTIONS`` each padded to 64 bytes, and the SHA-256 of all that.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from recognition.engine.types import Floats, GalleryCorrupt, GalleryIncompatible

MAGIC = b"GALLERY"
FORMAT = 1
Halves = NDArray[np.float16]
ALIGN = 64
BLOCK = 2**20
CHUNK = 1024  # people whose photo vectors are written in one go
DIGEST = 32


@dataclass(frozen=True, slots=True)
class Header:
    model: str
    dimensions: int
    people: int
    vectors: int  # how many were enrolled
    rows: int  # how many of them are stored: a person's only vector is its template
    change_number: int
    generation: int


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """owners, counts, templates: one row per person. photos: their stored vectors, in the same order."""

    header: Header
    owners: NDArray[np.int64]
    counts: NDArray[np.int64]  # of stored vectors; 0 for a person with one vector
    templates: Floats
    photos: Sequence[Halves]


def write(path: Path, stored: Stored) -> None:
    """Replace ``path`` at one blow; a reader sees the old file or the new one."""
    part = path.with_name(path.name + ".part")
    digest = hashlib.sha256()
    try:
        with part.open("wb") as file:
            for piece in _pieces(stored):
                digest.update(piece)
                file.write(piece)
            file.write(digest.digest())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path, *, dimensions: int, model: str) -> Stored:
    """The arrays are views of the mapped file: photo vectors are read from it when a search wants them.

    Raises GalleryCorrupt, GalleryIncompatible, or OSError when there is no such file.
    """
    data = _checked(path)
    length = int.from_bytes(data[8:12], "little")
    header = Header(**json.loads(bytes(data[12 : 12 + length])))
    if (header.model, header.dimensions) != (model, dimensions):
        raise GalleryIncompatible(
            f"{path} is of {header.model} ({header.dimensions} numbers), not of {model} ({dimensions})."
        )
    arrays: dict[str, NDArray[Any]] = {}
    place = _padded(12 + length)
    for name, dtype, shape in _sections(header):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        arrays[name] = np.frombuffer(data[place : place + size], dtype).reshape(shape)
        place += _padded(size)
    ends = np.cumsum(arrays["counts"]).tolist()
    photos = [arrays["photos"][a:b] for a, b in zip([0, *ends], ends, strict=False)]
    return Stored(header, arrays["owners"], arrays["counts"], arrays["templates"], photos)


def _checked(path: Path) -> memoryview:
    """The mapped file, when it is whole."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(12)
        if size < 12 + DIGEST or not start.startswith(MAGIC):
            raise GalleryCorrupt(f"{path} is not a gallery.")
        if start[len(MAGIC)] != FORMAT:
            raise GalleryIncompatible(f"{path} has format {start[len(MAGIC)]} instead of {FORMAT}.")
        if _digest(file, size - DIGEST) != file.read(DIGEST):
            raise GalleryCorrupt(f"{path} is cut short or damaged: its checksum is wrong.")
        return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))


def _digest(file: BinaryIO, size: int) -> bytes:
    """SHA-256 of the first bytes. Read, not mapped, so that the process does not hold what it need not search."""
    digest = hashlib.sha256()
    file.seek(0)
    while size > 0 and (block := file.read(min(size, BLOCK))):
        digest.update(block)
        size -= len(block)
    return digest.digest()


def _sections(header: Header) -> list[tuple[str, str, tuple[int, ...]]]:
    people, dimensions = header.people, header.dimensions
    return [
        ("owners", "<i8", (people,)),
        ("counts", "<i8", (people,)),
        ("templates", "<f4", (people, dimensions)),
        ("photos", "<f2", (header.rows, dimensions)),
    ]


def _pieces(stored: Stored) -> Iterator[bytes | memoryview]:
    header = json.dumps(asdict(stored.header)).encode()
    yield MAGIC + bytes([FORMAT]) + len(header).to_bytes(4, "little")
    yield header
    yield bytes(_padded(12 + len(header)) - 12 - len(header))
    for array in (stored.owners, stored.counts, stored.templates):
        yield _bytes_of(array)
        yield bytes(_padded(array.nbytes) - array.nbytes)
    for start in range(0, len(stored.photos), CHUNK):
        yield _bytes_of(np.concatenate(stored.photos[start : start + CHUNK]))
    size = stored.header.rows * stored.header.dimensions * 2
    yield bytes(_padded(size) - size)


def _bytes_of(array: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _padded(size: int) -> int:
    return -(-size // ALIGN) * ALIGN
