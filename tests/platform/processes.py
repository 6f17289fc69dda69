"""Other processes that use the embedded servers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from identity_site.env import BASE_DIR

PATIENCE = 150  # seconds, for a start on a busy machine
HOLDER = """
import sys
import time
from identity_site import embedded
try:
    embedded.hold()
except embedded.EmbeddedError as error:
    print("refused", error, flush=True)
    sys.exit(1)
print("held", flush=True)
sys.stdin.readline()
"""


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """This process's environment, as if nothing were configured but the data folder."""
    names = (
        "DATABASE_URL",
        "REDIS_URL",
        "CACHE_URL",
        "SECRET_KEY",
        "SITE_KEY",
        "DJANGO_SETTINGS_MODULE",
        "PORT",
    )
    clean = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in names}
    return {**clean, "IDENTITY_DATA_DIR": str(data_dir), "FETCH_MODELS": "false", **more}


class User:
    """Another process that holds the embedded servers until it is told to leave."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER],
            cwd=BASE_DIR,
            env=environment(data_dir),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> str:
        """``held``, or ``refused`` and why."""
        answers: list[str] = []
        reader = threading.Thread(target=lambda: answers.append(self._read()), daemon=True)
        reader.start()
        reader.join(PATIENCE)
        assert answers, f"no answer in {PATIENCE} seconds"
        return answers[0]

    def _read(self) -> str:
        assert self.process.stdout
        first = self.process.stdout.readline().strip()
        if first.startswith("refused"):
            first += self.process.stdout.read()
        return first

    def leave(self) -> None:
        self.process.communicate("\n", timeout=PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def wait_until_gone(data_dir: Path, seconds: float = 30) -> None:
    """Fails if processes of the data folder remain. The keeper looks once a second whether it is needed."""
    deadline = time.monotonic() + seconds
    while left := processes_of(data_dir):
        assert time.monotonic() < deadline, [seen.cmdline for seen in left]
        time.sleep(0.1)


@dataclass(frozen=True)
class Seen:
    """What a process was when it was looked at; it may have ended since."""

    process: psutil.Process
    pid: int
    ppid: int
    uid: int
    name: str
    cmdline: str

    def kill(self) -> None:
        with suppress(psutil.NoSuchProcess):
            self.process.kill()


def processes_of(data_dir: Path) -> list[Seen]:
    """Every living process that was given this data folder or works in it."""
    found = []
    for process in psutil.process_iter():
        try:
            if not alive(process) or process.pid == os.getpid():
                continue
            cmdline, uid = " ".join(process.cmdline()), process.uids().effective
            seen = Seen(process, process.pid, process.ppid(), uid, process.name(), cmdline)
            places = [cmdline, process.cwd(), process.environ().get("IDENTITY_DATA_DIR", "")]
        except psutil.Error:
            continue
        if any(str(data_dir) in place for place in places):
            found.append(seen)
    return found


def alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
