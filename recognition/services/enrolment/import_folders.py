"""Folders in which what was handed in for an import lies in the clear: private, and gone with whoever made them.

A folder is locked for as long as its process lives. One that is not locked was left by a process that was killed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "identity-imports-{}"  # in the temporary folder, one for each account


@contextmanager
def open_folder() -> Iterator[Path]:
    """A new folder for as long as the context lasts. Those that were left behind go first.

    Raises PermissionError where somebody else has the place of these folders.
    """
    base = _base()
    base.mkdir(mode=0o700, exist_ok=True)
    if not _is_ours(base):
        raise PermissionError(f"{base} belongs to another account, or others may write there")
    remove_abandoned()
    with _locked(base):  # nobody removes it before it is locked
        folder = Path(tempfile.mkdtemp(dir=base)).resolve()
        handle = _lock(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def remove_abandoned() -> int:
    """Remove the folders of processes of this host and account that are gone. Returns how many."""
    base, removed = _base(), 0
    if not _is_ours(base):
        return removed
    with _locked(base):
        for folder in list(base.iterdir()):
            with suppress(OSError):  # it is in use
                handle = _lock(folder, fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
                os.close(handle)
                removed += 1
    return removed


def _base() -> Path:
    return Path(tempfile.gettempdir()) / NAME.format(os.geteuid())


def _is_ours(base: Path) -> bool:
    try:
        found = base.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = _lock(folder)
    try:
        yield
    finally:
        os.close(handle)


def _lock(folder: Path, how: int = 0) -> int:
    """The descriptor that holds the lock until it is closed. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | how)
    except OSError:
        os.close(handle)
        raise
    return handle
