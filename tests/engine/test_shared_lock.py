from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from recognition.engine.shared_lock import SharedLock

SOON = 5


def test_readers_share() -> None:
    lock = SharedLock()
    both = threading.Barrier(2, timeout=SOON)

    def read() -> None:
        with lock.read():
            both.wait()  # passes only when two are inside at once

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(read), pool.submit(read)]:
            future.result()


def test_a_writer_is_alone() -> None:
    lock = SharedLock()
    inside: list[str] = []
    wrong: list[list[str]] = []

    def work(kind: str) -> None:
        for _ in range(200):
            with lock.write() if kind == "write" else lock.read():
                inside.append(kind)
                seen = inside.copy()
                if "write" in seen and len(seen) > 1:
                    wrong.append(seen)
                inside.remove(kind)

    with ThreadPoolExecutor(6) as pool:
        for future in [
            pool.submit(work, kind) for kind in ("read", "write", "read", "write", "read", "read")
        ]:
            future.result()
    assert not wrong


def test_a_waiting_writer_goes_before_new_readers() -> None:
    lock = SharedLock()
    order: list[str] = []

    def write() -> None:
        with lock.write():
            order.append("write")

    def read() -> None:
        with lock.read():
            order.append("read")

    with ThreadPoolExecutor(2) as pool:
        with lock.read():
            writer = pool.submit(write)
            while not lock._waiting:
                pass
            reader = pool.submit(read)
            assert not wait([writer, reader], timeout=0.1).done
        wait([writer, reader], timeout=SOON)
    assert order == ["write", "read"]


def test_an_error_inside_releases() -> None:
    lock = SharedLock()
    for side in (lock.read, lock.write):
        with pytest.raises(KeyError), side():
            raise KeyError
    with lock.write():
        pass
