"""Answers that go on. Each takes a thread of its web process: there is room for few, and they end with the process."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

# Set when this process is told to stop: it would wait for each stream otherwise.
ending = threading.Event()


class Stream:
    """The parts of an answer. parts: closed with it. The place is given back then, also when nothing was ever read."""

    def __init__(self, parts: Generator[bytes, None, None], places: threading.Semaphore) -> None:
        self._parts, self._places, self._open = parts, places, True

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            yield part
            if ending.is_set():
                return

    def close(self) -> None:
        if self._open:
            self._open = False
            self._parts.close()
            self._places.release()
