"""Runs the site's processes until one signal or one failure ends them all."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from .lifetime import end_with_parent

logger = logging.getLogger(__name__)

_FAILURES = 3
_FAILURE_SECONDS = 60
_BESIDE_SECONDS = 1.0
_PATIENCE_SECONDS = 12  # for requests and tasks in progress; unfinished tasks are taken up again later


class Stopped(Exception):
    """Somebody asked the site to stop."""


class Child:
    """One process with everything below it, in a session of its own so that Ctrl-C reaches only us.

    vital: whether the site ends when it cannot be kept running; otherwise it is started again after a while.
    """

    def __init__(
        self, name: str, command: list[str], environment: dict[str, str] | None = None, *, vital: bool = True
    ) -> None:
        self.vital = vital
        self.name = name
        self.command = command
        self.environment = {**os.environ, **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self.starts: deque[float] = deque(maxlen=_FAILURES)
        self.given_up = False

    def start(self) -> None:
        self.starts.append(time.monotonic())
        parent = os.getpid()

        def prepare() -> None:
            # Our handler would swallow a signal that comes before the new program is there.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            end_with_parent(parent)

        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=prepare,
        )

    @property
    def ended(self) -> int | None:
        return self.process.poll() if self.process else None

    @property
    def hopeless(self) -> bool:
        return len(self.starts) == _FAILURES and time.monotonic() - self.starts[0] < _FAILURE_SECONDS

    def terminate(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def kill(self) -> None:
        """End it and whatever it left behind in its session."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Supervisor:
    """beside: is called about once a second as long as the children are watched."""

    def __init__(self, children: list[Child], beside: Callable[[], None] = lambda: None) -> None:
        self.children = children
        self._beside, self._called = beside, 0.0
        self._asked = 0

    def __enter__(self) -> Supervisor:
        self._before = {
            name: signal.signal(name, self._ask) for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        for child in self.children:
            child.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop()
        for name, handler in self._before.items():
            signal.signal(name, handler)

    def watch(self, until: Callable[[], bool], seconds: float | None = None) -> bool:
        """Keep the children running until the condition holds; False if the time was not enough.

        Raises Stopped after a signal, ChildFailed when a child cannot be kept running.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while not until():
            if self._asked:
                raise Stopped
            for child in self.children:
                self._mend(child)
            if time.monotonic() - self._called >= _BESIDE_SECONDS:
                self._beside()
                self._called = time.monotonic()
            if end is not None and time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def run(self, job: Child) -> int:
        """Run a process that ends by itself while the others go on; its status."""
        job.start()
        try:
            self.watch(lambda: job.ended is not None)
        finally:
            job.kill()
        return job.ended or 0

    def _mend(self, child: Child) -> None:
        status = child.ended
        if status is None:
            return
        if child.hopeless and not child.vital:
            if not child.given_up:
                child.kill()
                child.given_up = True
                logger.error("the %s ended again and again; it is tried again in a minute", child.name)
            return
        child.given_up = False
        child.kill()
        if child.hopeless:
            raise ChildFailed(f"The {child.name} ended {_FAILURES} times in a minute (last status {status}).")
        logger.warning("the %s ended, starting it again", child.name, extra={"status": status})
        child.start()

    def _stop(self) -> None:
        for child in self.children:
            child.terminate()
        asked, end = self._asked, time.monotonic() + _PATIENCE_SECONDS
        # A second Ctrl-C cuts the wait short.
        while time.monotonic() < end and self._asked <= max(asked, 1):
            if all(child.ended is not None for child in self.children):
                break
            time.sleep(0.05)
        for child in self.children:
            child.kill()

    def _ask(self, signum: int, frame: FrameType | None) -> None:
        self._asked += 1


class ChildFailed(Exception):
    """A process does not stay alive; the text says which."""
