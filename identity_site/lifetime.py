"""Processes that end with the one that started them, also when that one was killed and could not end them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with_parent(parent: int) -> None:
    """Called in a new process: have Linux send it SIGTERM when the parent, of that number, has ended.

    Ends the process at once if the parent ended before it could be watched.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(0)
