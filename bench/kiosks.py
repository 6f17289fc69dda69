"""Kiosks that ask one after another, each on a connection of its own, in a process beside the bench.

Our own client and not locust: that brings gevent, flask and a dozen packages more to call one address, and its
greenlets and statistics take more of the cores that the site runs on too. This one waits in the kernel.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PATIENCE = 60.0


def run(port: int, key: str, kiosks: int, seconds: float, pictures: Sequence[Path]) -> list[list[Any]]:
    """What each request got: [began, milliseconds, status], times in seconds from the start."""
    order = {
        "port": port,
        "key": key,
        "kiosks": kiosks,
        "seconds": seconds,
        "pictures": [str(p) for p in pictures],
    }
    command = [sys.executable, "-m", "bench.kiosks"]
    done = subprocess.run(
        command, input=json.dumps(order), text=True, capture_output=True, check=True, timeout=seconds + 300
    )
    found: list[list[Any]] = json.loads(done.stdout)
    return found


def main() -> None:
    order = json.load(sys.stdin)
    pictures = [Path(path).read_bytes() for path in order["pictures"]]
    noted: list[list[Any]] = []
    start = time.monotonic()
    threads = [
        threading.Thread(target=_kiosk, args=(order, number, pictures, start, noted))
        for number in range(order["kiosks"])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump(noted, sys.stdout)


def _kiosk(
    order: dict[str, Any], number: int, pictures: Sequence[bytes], start: float, noted: list[list[Any]]
) -> None:
    headers = {"Authorization": f"Bearer {order['key']}", "Content-Type": "image/jpeg"}
    connection = http.client.HTTPConnection("127.0.0.1", order["port"], timeout=PATIENCE)
    turn = number
    while (began := time.monotonic() - start) < order["seconds"]:
        try:
            connection.request("POST", "/api/v1/identify", pictures[turn % len(pictures)], headers)
            answer = connection.getresponse()
            answer.read()
            status, wait = answer.status, float(answer.headers.get("Retry-After", 0))
        except (OSError, http.client.HTTPException):
            connection.close()
            status, wait = 0, 0.0
        noted.append([round(began, 3), round((time.monotonic() - start - began) * 1000, 1), status])
        if status == 503:
            time.sleep(wait)
        turn += 1
    connection.close()


if __name__ == "__main__":
    main()
