"""Locks and processes: what both servers need."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from .owner import Owner

_children: list[subprocess.Popen[bytes]] = []

_LARGEST_LOG = 5_000_000


class EmbeddedError(Exception):
    """The embedded servers cannot be used. The text says why and what to do."""


@contextmanager
def lock(path: Path, *, make: bool = True) -> Iterator[None]:
    """Hold a file's exclusive lock; waits for whoever is starting or stopping the servers now.

    Raises FileNotFoundError when there is no such file and none is to be made.
    """
    descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if make else 0), 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def spawn(command: list[str], *, log: Path, cwd: Path, owner: Owner | None = None) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that Ctrl-C does not reach it."""
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    with open(log, "ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,
            **(owner.popen_options() if owner else {}),
        )
    _children.append(child)
    return child


def disown() -> None:
    """Tell Python at the end of this process that its children are meant to outlive it."""
    for child in _children:
        if child.poll() is None:
            child.returncode = 0


def tail(log: Path, lines: int = 12) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def process(pid: int | None, argument: str) -> psutil.Process | None:
    """The living process of that number if it was started with the argument.

    After a crash its number may belong to any other program.
    """
    with suppress(psutil.Error):
        found = psutil.Process(pid) if pid is not None else None
        if found and alive(found) and any(argument in part for part in found.cmdline()):
            return found
    return None


def alive(server: psutil.Process) -> bool:
    """Whether it runs; a zombie does not."""
    for child in _children:
        child.poll()  # else one that this process started stays a zombie
    try:
        return bool(server.is_running() and server.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def end(server: psutil.Process | None, *steps: tuple[signal.Signals, float]) -> None:
    """Signals one after another, each with the seconds that it may take, until the process has ended."""
    for name, seconds in steps:
        if server is None or not alive(server):
            return
        with suppress(psutil.Error):
            server.send_signal(name)
        latest = time.monotonic() + seconds
        while alive(server) and time.monotonic() < latest:
            time.sleep(0.02)
