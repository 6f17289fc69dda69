"""How many pictures this process looks at at once. Who cannot be served in time is told so at once.

Without a limit requests wait for one another until all are late, and pages that need no recognition wait behind them.
"""

from __future__ import annotations

import threading
import time
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
        self._free = threading.Semaphore(at_once)
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

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise _busy("full")
        try:
            yield
        finally:
            self._places.release()

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        start = time.perf_counter()
        if not self._free.acquire(timeout=self._seconds):
            raise _busy("late")
        metrics.WAITING_SECONDS.labels("turn").observe(time.perf_counter() - start)
        try:
            yield
        finally:
            self._free.release()


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
