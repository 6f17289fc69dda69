"""Answers that go on. Each takes a thread of its web process: there is room for few, and they end with the process."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

from recognition.services.turns import shared_turns

# Set when this process is told to stop: it would wait for each stream otherwise.
ending = threading.Event()


class Places:
    """Room for streams of one kind in this process. Each also takes a place of those who wait to be recognised, so that
    all of them together leave threads for other pages."""

    def __init__(self, most: int) -> None:
        self._own = threading.BoundedSemaphore(most)

    def take(self) -> bool:
        if not self._own.acquire(blocking=False):
            return False
        if shared_turns().take_place():
            return True
        self._own.release()
        return False

    def give_back(self) -> None:
        shared_turns().give_back_place()
        self._own.release()


class Stream:
    """The parts of an answer. parts: closed with it. The place is given back then, also when nothing was ever read."""

    def __init__(self, parts: Generator[bytes, None, None], places: Places) -> None:
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
            self._places.give_back()
