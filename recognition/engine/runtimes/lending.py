"""Runners that are not safe for two threads at once, each lent to one thread at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import LifoQueue
from typing import Generic, TypeVar

R = TypeVar("R")


class Lender(Generic[R]):
    def __init__(self, runners: Iterable[R]) -> None:
        self._idle: LifoQueue[R] = LifoQueue()
        for runner in runners:
            self._idle.put(runner)

    @contextmanager
    def lease(self) -> Iterator[R]:
        """A runner for this thread alone; waits while all are lent. The one used last is lent first."""
        runner = self._idle.get()
        try:
            yield runner
        finally:
            self._idle.put(runner)
