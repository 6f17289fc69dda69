"""What the C library does with memory that was freed. It keeps it by default, in a heap for each thread.

Pictures make this costly. A web process of 284 MB, after 100 pictures of up to 49 megapixels in eight threads, kept
936 MB for ever; with two heaps 673; with large blocks given back when they are freed, too, 492; with `give_back` after
each large picture 438, and half a minute later, when interpreters are idle and unloaded, 316.
"""

from __future__ import annotations

import ctypes
import sys

# malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
HEAPS = 2
LARGE_BLOCK = 1 << 20  # bytes; such a block is returned when it is freed
KEPT = 8 << 20  # bytes that may be kept at the end of a heap


def keep_little() -> bool:
    """For a process that serves, before its threads start. False where the C library is another than glibc."""
    library = _glibc()
    if library is None:
        return False
    wanted = {_ARENA_MAX: HEAPS, _MMAP_THRESHOLD: LARGE_BLOCK, _TRIM_THRESHOLD: KEPT}
    done = [library.mallopt(name, value) for name, value in wanted.items()]
    return all(done)


def give_back() -> None:
    """Return what is free between blocks in use, after something large was done. Takes milliseconds."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
