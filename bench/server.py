"""The web server as in production, for as long as something is measured, and its memory."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent


class Server:
    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def memory(self) -> list[int]:
        """Resident megabytes of each web process."""
        return sorted(round(worker.memory_info().rss / 2**20) for worker in self.workers())


@contextmanager
def web_server(**environment: str) -> Iterator[Server]:
    """gunicorn with the site's own settings on a free port of this machine. environment: what is set besides."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"API_RATE_RECOGNISE": "1000000/m", "BIND": f"127.0.0.1:{port}"} | environment
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "identity_site" / "gunicorn.conf.py")]
    process = subprocess.Popen(command, env=os.environ | settings, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/healthz")
        yield Server(process, port)
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except OSError:  # refused, or too slow as yet
            time.sleep(0.2)
    raise RuntimeError("the web server did not start")
