"""A real PostgreSQL with pgvector and a real Redis from their wheels, for when no URL names others.

Both listen on Unix sockets only, keep their data in the data folder, and are shared by every process
that uses the same folder. Each user holds a shared lock on a file for as long as it lives; the kernel
drops the lock of a process that was killed. Whoever leaves and then gets the lock for itself alone was
the last one, and stops the servers. Should all users be killed, a small keeper process does it instead.
Addresses follow from the data folder, so nobody has to ask for them.

    hold()       start or join what is needed, until this process ends
    mend()       start again what was killed meanwhile
    release()    leave earlier
    addresses()  the URLs, without starting anything
"""

from __future__ import annotations

import atexit
import fcntl
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from identity_site import env

from . import keeper, postgres, redis
from .places import Places
from .running import EmbeddedError, alive, disown, end, lock, spawn

__all__ = ["EmbeddedError", "addresses", "hold", "mend", "release", "stop_unused", "wanted"]


@dataclass(frozen=True, slots=True)
class _Hold:
    """The shared lock on one data folder, and its servers by name."""

    descriptor: int
    servers: dict[str, psutil.Process]


_guard = threading.Lock()
_held: dict[Path, _Hold] = {}


def wanted() -> tuple[bool, bool]:
    """Whether PostgreSQL and Redis have to come from the wheels."""
    return not env.is_set("DATABASE_URL"), not env.is_set("REDIS_URL")


def addresses(data_dir: Path | None = None) -> tuple[str, str]:
    """DATABASE_URL and REDIS_URL of the servers of a data folder, running or not."""
    places = Places(data_dir or env.data_dir())
    return places.database_url, places.redis_url


def hold(data_dir: Path | None = None) -> None:
    """Start or join the servers that are wanted. Safe to call again; released when the process ends.

    Raises EmbeddedError with what to do about it.
    """
    if not any(wanted()):
        return
    places = Places(data_dir or env.data_dir())
    with _guard:
        if places.data in _held:
            return
        places.prepare(places.owner())
        with lock(places.start_lock):
            descriptor = _join(places)
            try:
                servers = _start(places)
            except BaseException:
                os.close(descriptor)
                _stop_if_unused(places)
                raise
            _start_keeper(places)
        _held[places.data] = _Hold(descriptor, servers)


def mend() -> list[str]:
    """Start again the servers of ours that have ended without our doing; their names.

    Raises EmbeddedError when one cannot be started; the next call tries again.
    """
    started = []
    with _guard:
        for data, held in _held.items():
            places, ended = Places(data), [n for n, server in held.servers.items() if not alive(server)]
            if not ended or not places.users_lock.exists():
                continue
            with lock(places.start_lock):
                held.servers.update(_start(places))
            started += ended
    return started


def release(data_dir: Path | None = None) -> None:
    """Leave; stop the servers if nobody else uses them."""
    places = Places(data_dir or env.data_dir())
    with _guard:
        held = _held.pop(places.data, None)
        if held is None:
            return
        if not places.users_lock.exists():
            # Somebody removed the data. Nobody can use the servers any more, nor find them by their files.
            os.close(held.descriptor)
            for server in held.servers.values():
                end(server, (signal.SIGKILL, 5))
            return
        with lock(places.start_lock):
            os.close(held.descriptor)
            _stop_if_unused(places)


def stop_unused(data_dir: Path) -> None:
    """Stop the servers if no living process holds them, which happens after all users were killed.

    Brings nothing back into a folder that is being removed.
    """
    places = Places(data_dir)
    with suppress(FileNotFoundError), lock(places.start_lock, make=False):
        _stop_if_unused(places)


def _release_all() -> None:
    for data_dir in list(_held):
        release(data_dir)
    disown()


def _leave_to_parent() -> None:
    """A forked child does not hold the servers: it may hang around for long after its parent left."""
    global _guard
    _guard = threading.Lock()
    while _held:
        os.close(_held.popitem()[1].descriptor)


os.register_at_fork(after_in_child=_leave_to_parent)
atexit.register(_release_all)


def _start(places: Places) -> dict[str, psutil.Process]:
    """The caller holds the start lock. Starts nothing that runs."""
    owner = places.owner()
    places.prepare(owner)  # once more: who stopped the servers just now took the socket folder along
    with_database, with_redis = wanted()
    if with_database:
        postgres.start(places, owner)
    if with_redis:
        redis.start(places, owner)
    servers = {"PostgreSQL": postgres.running(places), "Redis": redis.running(places)}
    return {name: server for name, server in servers.items() if server}


def _join(places: Places) -> int:
    descriptor = os.open(places.users_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def _stop_if_unused(places: Places) -> None:
    """The caller holds the start lock, so nobody can join meanwhile."""
    if not _unused(places):
        time.sleep(0.05)  # perhaps only the keeper was looking
        if not _unused(places):
            return
    redis.stop(places)
    postgres.stop(places)
    with suppress(OSError):
        places.sockets.rmdir()


def _unused(places: Places) -> bool:
    return keeper.unused(str(places.users_lock))


def _start_keeper(places: Places) -> None:
    """It ends by itself if there is one already, or none is needed any more."""
    signs = [places.postgres / "postmaster.pid", places.redis_socket]
    arguments = [env.BASE_DIR, places.data, places.keeper_lock, places.users_lock, *signs]
    command = [sys.executable, "-I", "-S", keeper.__file__, *map(str, arguments)]
    places.keeper_lock.touch(mode=0o600)
    if keeper.unused(str(places.keeper_lock)):
        spawn(command, log=places.root / "keeper.log", cwd=places.root)
