"""How many pictures this process looks at at once. Who cannot be served in time is told so at once.

Without a limit requests wait for one another until all are late, and pages that need no recognition wait behind them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.utils.translation import gettext

from recognition.services import metrics
from recognition.services.errors import Busy

P = ParamSpec("P")
R = TypeVar("R")


class Turns:
    """at_once: that are looked at. waiting: that may wait besides, each for at most ``seconds``."""

    def __init__(self, at_once: int, waiting: int, seconds: float) -> None:
        self._free = _Queue(at_once)
        self._places = threading.Semaphore(at_once + waiting)
        self._seconds = seconds
        self._own = threading.local()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One turn for this thread, also where it is entered again inside. Raises Busy when there is none in time."""
        if getattr(self._own, "taken", False):
            yield
            return
        with self._place(), self._at_work():
            self._own.taken = True
            try:
                yield
            finally:
                self._own.taken = False

    def take_place(self) -> bool:
        """For whoever takes a thread for long without looking at pictures."""
        return self._places.acquire(blocking=False)

    def give_back_place(self) -> None:
        self._places.release()

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self.take_place():
            raise _busy("full")
        try:
            yield
        finally:
            self.give_back_place()

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        start = time.perf_counter()
        if not self._free.acquire(self._seconds):
            raise _busy("late")
        metrics.WAITING_SECONDS.labels("turn").observe(time.perf_counter() - start)
        try:
            yield
        finally:
            self._free.release()


class _Queue:
    """A semaphore that serves whoever came first. One of ``threading`` lets a newcomer past those who are waking up."""

    def __init__(self, free: int) -> None:
        self._lock = threading.Lock()
        self._free = free
        self._waiting: deque[threading.Event] = deque()

    def acquire(self, seconds: float) -> bool:
        with self._lock:
            if self._free:  # nobody waits then
                self._free -= 1
                return True
            called = threading.Event()
            self._waiting.append(called)
        if called.wait(seconds):
            return True
        with self._lock:
            if called.is_set():  # in the last moment
                return True
            self._waiting.remove(called)
            return False

    def release(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


def _busy(why: str) -> Busy:
    metrics.TURNED_AWAY.labels(why).inc()
    return Busy("overloaded", gettext("Too many pictures at once. Try again in a moment."))


_turns: Turns | None = None
_lock = threading.Lock()


def shared_turns() -> Turns:
    """Of this process."""
    global _turns
    with _lock:
        if _turns is None:
            _turns = Turns(
                settings.RECOGNISE_AT_ONCE, settings.RECOGNISE_WAITING, settings.RECOGNISE_WAIT_SECONDS
            )
        return _turns


def in_turn(call: Callable[P, R]) -> Callable[P, R]:
    """A function that looks at pictures. Raises Busy when it cannot do so in time."""

    @wraps(call)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with shared_turns().turn():
            return call(*args, **kwargs)

    return wrapper
