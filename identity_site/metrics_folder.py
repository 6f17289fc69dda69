"""Where the processes of this machine count: a folder in memory, in it one for each server with its processes.

A folder belongs to whoever holds the lock of its file ``in-use``: a web server or worker and all of its processes.
When none of them is left, the next one that starts removes it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

_LOCK = "in-use"
_held: list[int] = []  # kept open, and by that locked, as long as the process and its forks live


def open_for(base: Path, kind: str) -> Path | None:
    """A new folder below ``base`` for this process and its forks; None, and a line in the log, where none can be
    made: nothing depends on metrics."""
    folder, unready = base / f"{kind}-{os.getpid()}", base / f".{kind}-{os.getpid()}"
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(base):
            raise PermissionError(f"{base} belongs to another account, or others may write there")
        _remove_abandoned(base)
        for left in (folder, unready):
            shutil.rmtree(left, ignore_errors=True)
        unready.mkdir(mode=0o700)
        handle = os.open(unready / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        unready.rename(folder)  # with its lock: nobody takes it for abandoned
    except OSError as error:
        logger.warning("metrics of this server are not counted: %s", error)
        return None
    _held.append(handle)
    return folder


def release(folder: Path) -> None:
    """Remove it, at the end of the process that opened it."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()  # by the last one


def files_in(base: Path) -> list[Path]:
    """The files of all processes that count here; of those that ended too, as long as their server runs."""
    if not base.is_dir() or not _is_ours(base):
        return []
    return [file for folder in _folders(base) if not _abandoned(folder) for file in folder.glob("*.db")]


def _remove_abandoned(base: Path) -> None:
    for folder in _folders(base):
        if _abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _folders(base: Path) -> Iterator[Path]:
    yield from (path for path in sorted(base.glob("[!.]*")) if path.is_dir() and not path.is_symlink())


def _abandoned(folder: Path) -> bool:
    """Whether no process counts in it any more."""
    try:
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        with suppress(OSError):
            os.close(handle)
    return True


def _is_ours(folder: Path) -> bool:
    found = folder.lstat()
    return found.st_uid == os.geteuid() and stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o022
