"""The gallery as a file: written as a stream, mapped into memory by everybody who searches, never changed.

Layout, little-endian, sections padded to 64 bytes:

- 64 bytes: magic, format version, zeros;
- ``rows``: of each person its template and, when it has several vectors, these; one person after the other;
- ``sums`` (a checksum of each row), ``owners``, ``starts`` (first row of each person, and the end), and ``turn``,
  ``centre`` and ``codes`` of the first stage;
- a JSON header with the SHA-256 of each of those, its length, its own SHA-256.

Opening checks everything but the rows, which may be gigabytes: each row is checked whenever it is read for an answer.
Its checksum is multilinear: the sum of its 64-bit words, each times its own odd number, modulo 2^64. It costs less than
reading the row, notices every change within one word, and others but for one in 2^63 (Lemire and Kaser, "Strongly
universal string hashing is fast", 2014).
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from recognition.engine.first_stage import Stored
from recognition.engine.types import Floats, GalleryCorrupt, GalleryIncompatible

MAGIC = b"GALLERY"
FORMAT = 3
ALIGN = 64
DIGEST = 32
BLOCK = 4096  # rows that are checked in one go
SECTIONS = {"sums": "<u8", "owners": "<i8", "starts": "<i8", "turn": "<f4", "centre": "<f4", "codes": "u1"}
WORD = 4  # numbers a row is padded to a multiple of: its checksum takes 64-bit words
Ints = NDArray[np.int64]
Rows = NDArray[np.float32] | NDArray[np.float16]


class DamagedRows(GalleryCorrupt):
    """Rows of these people are not what was written. ``owners``: who they are."""

    def __init__(self, owners: list[int]) -> None:
        super().__init__(f"the vectors of {len(owners)} people are damaged")
        self.owners = owners


@dataclass(frozen=True, slots=True)
class Header:
    model: str
    dimensions: int
    stage: str  # how candidates are found: see `recognition.engine.first_stage`
    dtype: str  # of the rows: <f4 or <f2
    change_number: int = 0
    generation: int = 0
    people: int = 0
    vectors: int = 0  # how many were enrolled
    rows: int = 0


class GalleryWriter:
    """Writes people one chunk after the other; holds in memory about 100 bytes for each."""

    def __init__(self, file: IO[bytes], header: Header) -> None:
        self._file = file
        self._header = header
        self._factors = _factors(_width(header.dimensions) * np.dtype(header.dtype).itemsize // 8)
        self._owners: list[Ints] = []
        self._starts: list[Ints] = []
        self._sums: list[NDArray[np.uint64]] = []
        self._rows = self._vectors = 0
        self._digests: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        file.write(_start())

    def add(self, owners: Ints, templates: Floats, counts: Ints, photos: Floats) -> Floats:
        """Append people, whose ids must be larger than all before; answers their templates (n, dimensions) as stored.

        counts: (n,) of stored vectors of each; photos: (counts.sum(), dimensions), person after person.
        """
        starts = np.cumsum(counts + 1) - counts - 1
        dimensions = self._header.dimensions
        rows = np.zeros((len(owners) + len(photos), _width(dimensions)), self._header.dtype)
        is_photo = np.ones(len(rows), np.bool_)
        is_photo[starts] = False
        rows[starts, :dimensions] = templates
        rows[is_photo, :dimensions] = photos
        self._file.write(_bytes_of(rows))
        self._owners.append(owners)
        self._starts.append(self._rows + starts)
        self._sums.append(row_sums(rows, self._factors))
        self._rows += len(rows)
        self._vectors += int(np.maximum(counts, 1).sum())
        return rows[starts, :dimensions].astype(np.float32)

    def finish(self, stage: Stored) -> None:
        """stage: what the first stage keeps."""
        row_bytes = self._rows * self._factors.size * 8
        self._file.write(bytes(_padded(row_bytes) - row_bytes))
        owners = _joined(self._owners, np.int64)
        header = replace(self._header, people=len(owners), vectors=self._vectors, rows=self._rows)
        self._section("sums", _joined(self._sums, np.uint64))
        self._section("owners", owners)
        self._section("starts", _joined([*self._starts, np.array([self._rows])], np.int64))
        self._section("turn", stage.turn)
        self._section("centre", stage.centre)
        self._section("codes", stage.codes)
        document = {"header": asdict(header), "digests": self._digests, "sizes": self._sizes}
        text = json.dumps(document).encode()
        tail = text + len(text).to_bytes(8, "little")
        self._file.write(tail + hashlib.sha256(tail).digest())
        self._file.flush()

    def _section(self, name: str, array: NDArray[Any]) -> None:
        data = _bytes_of(array)
        self._digests[name] = hashlib.sha256(data).hexdigest()
        self._sizes[name] = len(data)
        self._file.write(data)
        self._file.write(bytes(_padded(len(data)) - len(data)))


class GalleryFile:
    """A written file, mapped: processes of one machine share its memory, also after it was removed.

    owners: (people,) ascending; starts: (people + 1,) first row of each; rows: (rows, width); stage: what the
    first stage keeps.
    """

    def __init__(self, file: IO[bytes], name: str, *, dimensions: int, model: str) -> None:
        """Raises GalleryCorrupt or GalleryIncompatible."""
        self.header, digests, sizes = _read_tail(file, name)
        header = self.header
        if (header.model, header.dimensions) != (model, dimensions):
            raise GalleryIncompatible(
                f"{name} is of {header.model} ({header.dimensions} numbers), not of {model} ({dimensions})."
            )
        self.rows: Rows
        self.sums: NDArray[np.uint64]
        self.owners: Ints
        self.starts: Ints
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self.rows = np.frombuffer(data, header.dtype, header.rows * _width(dimensions), offset=ALIGN).reshape(
            header.rows, _width(dimensions)
        )
        place = ALIGN + _padded(self.rows.nbytes)
        found: dict[str, NDArray[Any]] = {}
        for section, dtype in SECTIONS.items():
            piece = data[place : place + sizes[section]]
            if hashlib.sha256(piece).hexdigest() != digests[section]:
                raise GalleryCorrupt(f"{name} is damaged: the checksum of its {section} is wrong.")
            found[section] = np.frombuffer(piece, dtype)
            place += _padded(sizes[section])
        self.sums, self.owners, self.starts = found["sums"], found["owners"], found["starts"]
        self.stage = Stored(found["turn"], found["centre"], found["codes"])
        self._factors = _factors(_width(dimensions) * self.rows.dtype.itemsize // 8)

    @classmethod
    def open(cls, path: Path, *, dimensions: int, model: str) -> GalleryFile:
        """Raises GalleryCorrupt, GalleryIncompatible, or OSError when there is no such file."""
        with path.open("rb") as file:
            return cls(file, str(path), dimensions=dimensions, model=model)

    def stored(self, numbers: Ints) -> Rows:
        """These rows (n, width) as they are. Raises DamagedRows when one is not what was written."""
        rows = self.rows[numbers]
        self._check(rows, numbers)
        return rows

    def read(self, numbers: Ints) -> Floats:
        """These vectors (n, dimensions). Raises DamagedRows."""
        return self.stored(numbers)[:, : self.header.dimensions].astype(np.float32)

    def blocks(self) -> Iterator[tuple[int, Rows]]:
        """All rows, each block checked, with the number of its first. Raises DamagedRows."""
        for start in range(0, len(self.rows), BLOCK):
            rows = self.rows[start : start + BLOCK]
            self._check(rows, np.arange(start, start + len(rows)))
            yield start, rows

    def check(self) -> None:
        """Read everything once. Raises DamagedRows."""
        for _ in self.blocks():
            pass

    def _check(self, rows: Rows, numbers: Ints) -> None:
        wrong = row_sums(rows, self._factors) != self.sums[numbers]
        if wrong.any():
            slots = np.searchsorted(self.starts, np.unique(numbers[wrong]), side="right") - 1
            raise DamagedRows(np.unique(self.owners[slots]).tolist())


def row_sums(rows: Rows, factors: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The checksums (n,) of rows (n, width)."""
    words: NDArray[np.uint64] = rows.view(np.uint64)
    return np.asarray(words @ factors, np.uint64)


def _factors(count: int) -> NDArray[np.uint64]:
    """Part of the format: another choice makes every row wrong."""
    odd = np.random.Generator(np.random.PCG64(FORMAT)).integers(0, 2**64, count, np.uint64)
    return odd | np.uint64(1)


def _read_tail(file: IO[bytes], name: str) -> tuple[Header, dict[str, str], dict[str, int]]:
    size = os.fstat(file.fileno()).st_size
    start = file.read(ALIGN)
    if len(start) < ALIGN or not start.startswith(MAGIC):
        raise GalleryCorrupt(f"{name} is not a gallery.")
    if start[len(MAGIC)] != FORMAT:
        raise GalleryIncompatible(f"{name} has format {start[len(MAGIC)]} instead of {FORMAT}.")
    file.seek(max(size - DIGEST - 8, 0))
    length = int.from_bytes(file.read(8), "little")
    place = size - DIGEST - 8 - length
    digest = file.read(DIGEST)
    if start != _start() or place < ALIGN:
        raise GalleryCorrupt(f"{name} is cut short or damaged.")
    file.seek(place)
    tail = file.read(length + 8)
    if hashlib.sha256(tail).digest() != digest:
        raise GalleryCorrupt(f"{name} is cut short or damaged: the checksum of its header is wrong.")
    document = json.loads(tail[:-8])
    header, sizes = Header(**document["header"]), document["sizes"]
    row_bytes = header.rows * _width(header.dimensions) * np.dtype(header.dtype).itemsize
    if place != ALIGN + sum(_padded(part) for part in (row_bytes, *sizes.values())):
        raise GalleryCorrupt(f"{name} is cut short or damaged: a part is missing.")
    return header, document["digests"], sizes


def _start() -> bytes:
    return (MAGIC + bytes([FORMAT])).ljust(ALIGN, b"\0")


def _width(dimensions: int) -> int:
    return -(-dimensions // WORD) * WORD


def _joined(parts: list[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate([np.empty(0, dtype), *parts]).astype(dtype, copy=False)


def _bytes_of(array: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _padded(size: int) -> int:
    return -(-size // ALIGN) * ALIGN
