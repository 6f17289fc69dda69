"""What was found in photos that were measured before, in a file that is only ever added to.

The file is a header and records of equal length, each with its own checksum. A run that is broken off leaves at most
one record cut short; that and whatever lies after a damaged record is measured again. One process at a time writes;
another one reads what is there and keeps its own results to itself.
"""

from __future__ import annotations

import fcntl
import logging
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, BinaryIO
from zlib import crc32

import numpy as np

from recognition.engine.types import Floats

log = logging.getLogger(__name__)

HEADER = 64


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What one photo holds.

    state: ok, or why there is no vector (``no_face``, ``unreadable``). reason: why the site would refuse the face as
    a probe, empty when it would not. plain, mirrored: (dimensions,) vectors without and with the mirrored view.
    """

    state: str
    reason: str = ""
    plain: Floats | None = None
    mirrored: Floats | None = None


class EmbeddingCache:
    """Photo digest -> `Measured`. Use as a context manager. Safe for several threads."""

    def __init__(self, path: Path, dimensions: int) -> None:
        self._path = path
        self._dtype = np.dtype(
            [
                ("digest", "u1", 32),
                ("state", "S16"),
                ("reason", "S16"),
                ("plain", "<f4", dimensions),
                ("mirrored", "<f4", dimensions),
                ("checksum", "<u4"),
            ]
        )
        self._header = f"identity embeddings 1 {dimensions}\n".encode().ljust(HEADER, b"\0")
        self._found: dict[bytes, Measured] = {}
        self._file: BinaryIO | None = None
        self._lock = Lock()

    def __enter__(self) -> EmbeddingCache:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            log.warning("another evaluation is running; the results of this one are not kept for the next")
            self._read(file)
            file.close()
            return self
        end = self._read(file)
        file.truncate(end)
        if end == 0:
            file.write(self._header)
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def __len__(self) -> int:
        return len(self._found)

    def get(self, digest: bytes) -> Measured | None:
        return self._found.get(digest)

    def put(self, digest: bytes, measured: Measured) -> None:
        """Keep what was found in the photo with this SHA-256 digest."""
        record = np.zeros((), self._dtype)
        record["digest"] = np.frombuffer(digest, np.uint8)
        record["state"], record["reason"] = measured.state, measured.reason
        for name in ("plain", "mirrored"):
            vector = getattr(measured, name)
            if vector is not None:
                record[name] = vector
        record["checksum"] = crc32(record.tobytes()[:-4])
        with self._lock:
            self._found[digest] = measured
            if self._file is not None:
                self._file.write(record.tobytes())

    def _read(self, file: BinaryIO) -> int:
        """Take in all good records; returns where the first bad one begins, 0 when the header is not ours."""
        file.seek(0)
        if file.read(HEADER) != self._header:
            return 0
        end = HEADER
        size = self._dtype.itemsize
        while len(raw := file.read(size)) == size:
            record: Any = np.frombuffer(raw, self._dtype)[0]
            if crc32(raw[:-4]) != int(record["checksum"]):
                break
            self._found[raw[:32]] = _measured(record)
            end += size
        return end


def _measured(record: Any) -> Measured:
    state = record["state"].decode()
    if state != "ok":
        return Measured(state)
    return Measured(state, record["reason"].decode(), record["plain"].copy(), record["mirrored"].copy())
