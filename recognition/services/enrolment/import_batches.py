"""Photos of a bulk import for a GPU: decoded in threads ahead of it, looked at in batches, also across people."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from recognition.engine.types import EngineError, Image
from recognition.models import ModelVersion
from recognition.services.enrolment.examination import Finding, examine_many
from recognition.services.enrolment.preparing import PreparedPhoto
from recognition.services.errors import Invalid

log = logging.getLogger(__name__)

T = TypeVar("T")

BATCH = 32  # photos; twice as many pictures are in memory, 12 MB each at most


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A photo that can be kept. finding: None when the workers are to look at it."""

    path: Path
    prepared: PreparedPhoto
    finding: Finding | None


@dataclass(frozen=True, slots=True)
class Refused:
    path: Path
    reason: str
    message: str = ""


def or_refused(path: Path, read: Callable[[], T]) -> T | Refused:
    """What ``read`` gives, or why the file is of no use. Raises EngineError when no file can be processed."""
    try:
        return read()
    except Invalid as error:
        return Refused(path, error.code, str(error))
    except OSError as error:
        return missing(path, error)
    except EngineError:
        raise
    except Exception:
        log.exception("%s could not be processed", path)
        return Refused(path, "failed", "It could not be processed; the log says more.")


def missing(path: Path, error: Exception) -> Refused:
    detail = error.strerror if isinstance(error, OSError) else str(error)
    return Refused(path, "missing", f"The file cannot be read: {detail}.")


class Pending(Protocol):
    """A photo in work: a future of a thread pool, or one of a batch."""

    def result(self) -> Read | Refused: ...


Opened = tuple[PreparedPhoto, Image]


class BatchReader:
    """Takes photos in the order in which they will be asked for. For one thread.

    opens: reads and decodes one, in a thread. alone: reads and looks at one, when its batch could not be looked at.
    """

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        version: ModelVersion,
        *,
        opens: Callable[[Path], Opened | Refused],
        alone: Callable[[Path], Read | Refused],
    ) -> None:
        self._pool = pool
        self._version = version
        self._opens = opens
        self._alone = alone
        self._waiting: deque[_Later] = deque()
        self._decoding: deque[tuple[_Later, Future[Opened | Refused]]] = deque()

    def submit(self, path: Path) -> Pending:
        later = _Later(self, path)
        self._waiting.append(later)
        return later

    def advance(self) -> None:
        """Finish the next photos, up to a batch. Raises EngineError when no photo can be processed."""
        self._decode_ahead()
        batch = [self._decoding.popleft() for _ in range(min(BATCH, len(self._decoding)))]
        opened = [(later, future.result()) for later, future in batch]
        self._decode_ahead()  # the threads have work while the GPU has
        pictures: list[tuple[_Later, Opened]] = []
        for later, one in opened:
            if isinstance(one, Refused):
                later.done = one
            else:
                pictures.append((later, one))
        try:
            findings = examine_many([image for _, (_, image) in pictures], version=self._version)
        except EngineError:
            raise
        except Exception:
            log.exception("%s photos could not be processed together; each is tried alone", len(pictures))
            for later, _ in pictures:
                later.done = self._alone(later.path)
            return
        for (later, (prepared, _)), finding in zip(pictures, findings, strict=True):
            later.done = Read(later.path, prepared, finding)

    def _decode_ahead(self) -> None:
        while self._waiting and len(self._decoding) < BATCH:
            later = self._waiting.popleft()
            self._decoding.append((later, self._pool.submit(self._opens, later.path)))


class _Later:
    """The result of a photo whose batch may not have been looked at yet."""

    def __init__(self, reader: BatchReader, path: Path) -> None:
        self._reader = reader
        self.path = path
        self.done: Read | Refused | None = None

    def result(self) -> Read | Refused:
        while self.done is None:
            self._reader.advance()
        return self.done
