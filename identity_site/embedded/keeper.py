"""Stops the servers when the last user was killed and could not do it.

A process of its own beside the servers, started by path and with nothing but the standard library, because it
sleeps nearly always. Whoever leaves in good order finds that it has nothing to do.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time

INTERVAL_SECONDS = 1.0


def unused(lock: str) -> bool:
    """Whether no living process holds the file's lock. Raises FileNotFoundError.

    It is never made here: that could be in the middle of somebody's removing the folder.
    """
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def main(project: str, data_dir: str, keeper_lock: str, users_lock: str, *signs_of_life: str) -> None:
    needed = True
    while needed:
        try:
            descriptor = os.open(keeper_lock, os.O_RDWR)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, BlockingIOError):
            return  # the data folder is gone already, or there is a keeper
        watch(project, data_dir, users_lock, *signs_of_life)
        os.close(descriptor)
        # Somebody who started at this moment saw the lock taken, and left the watch to this keeper.
        try:
            needed = any(map(os.path.lexists, signs_of_life)) and not unused(users_lock)
        except FileNotFoundError:
            return


def watch(project: str, data_dir: str, users_lock: str, *signs_of_life: str) -> None:
    """Until the servers are gone: stop them once nobody uses them."""
    while any(map(os.path.lexists, signs_of_life)):
        time.sleep(INTERVAL_SECONDS)
        try:
            if not unused(users_lock):
                continue
        except FileNotFoundError:
            return  # the data folder is gone
        subprocess.run([sys.executable, "-m", "identity_site.embedded", data_dir], cwd=project, check=False)
        if not os.path.exists(users_lock) or unused(users_lock):
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
