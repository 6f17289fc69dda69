"""``python -m bench.load``: kiosks at once on identify, against gunicorn as in production, on this machine.

Each kiosk sends the next picture as soon as it has an answer, and waits as long as a 503 says. Beside them `/healthz`
is asked once a second, and the memory of the web processes is noted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from bench import kiosks
from bench.server import ROOT, Server, web_server
from bench.site import populate, throwaway_site

PROBES = sorted((ROOT / "demo" / "probes").glob("*.jpg"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--people", type=int, default=100_000, help="people enrolled (100000)")
    parser.add_argument("--kiosks", type=int, nargs="+", default=[1, 8, 32], help="at once (1 8 32)")
    parser.add_argument("--seconds", type=float, default=60, help="for each number of kiosks (60)")
    parser.add_argument("--output", type=Path, default=Path("load.json"), help="the JSON file (load.json)")
    parser.add_argument("--plot", type=Path, default=None, help="a picture of it, such as load.png")
    options = parser.parse_args()
    with throwaway_site():
        from recognition.services.keys import issue_key

        populate(options.people)
        key = issue_key(name="load", scopes=["identify"])[1]
        with web_server() as server:
            kiosks.run(server.port, key, 8, 3, PROBES)  # each process loads its models
            fresh = server.memory()
            found = [measure(server, key, number, options.seconds) for number in options.kiosks]
    figures = {
        "people": options.people,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "fresh_memory_mb": fresh,
        "loads": [{name: value for name, value in load.items() if name != "answers"} for load in found],
    }
    text = json.dumps(figures, indent=1)
    options.output.write_text(text + "\n", encoding="utf-8")
    for load in found:
        print(in_words(load))
    if options.plot:
        plot(found, options.plot)
    print(f"{options.people} people, {os.cpu_count()} cores; figures in {options.output}")


def measure(server: Server, key: str, number: int, seconds: float) -> dict[str, Any]:
    beside = Beside(server)
    beside.start()
    try:
        noted = kiosks.run(server.port, key, number, seconds, PROBES)
    finally:
        beside.end()
    served = [row for row in noted if row[2] == 200]
    times = np.array([row[1] for row in served] or [0.0])
    statuses = Counter(str(row[2]) for row in noted)
    return {
        "kiosks": number,
        "seconds": seconds,
        "requests_per_second": round(len(served) / seconds, 1),
        "p50_ms": round(float(np.percentile(times, 50)), 1),
        "p95_ms": round(float(np.percentile(times, 95)), 1),
        "p99_ms": round(float(np.percentile(times, 99)), 1),
        "statuses": dict(sorted(statuses.items())),
        "errors": sum(count for status, count in statuses.items() if status not in ("200", "503")),
        "healthz_max_ms": round(max(beside.health), 1),
        "healthz_failed": beside.failed,
        "memory_mb": beside.memory,
        "answers": [row[:2] for row in served],
    }


class Beside(threading.Thread):
    """Once a second: is the site healthy, and how much memory has it."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.health: list[float] = [0.0]
        self.failed = 0
        self.memory: list[int] = []  # the largest process, each second
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(1):
            start = time.monotonic()
            try:
                with urllib.request.urlopen(f"{self.server.address}/healthz", timeout=30):
                    pass
            except (OSError, urllib.error.HTTPError):
                self.failed += 1
            self.health.append((time.monotonic() - start) * 1000)
            self.memory.append(max(self.server.memory(), default=0))

    def end(self) -> None:
        self._over.set()
        self.join()


def in_words(load: dict[str, Any]) -> str:
    return (
        f"{load['kiosks']:>3} kiosks  {load['requests_per_second']:>6} requests/s"
        f"   p50 {load['p50_ms']:.0f} ms, p95 {load['p95_ms']:.0f}, p99 {load['p99_ms']:.0f}"
        f"   answers {load['statuses']}   healthz at most {load['healthz_max_ms']:.0f} ms"
        f"   memory at most {max(load['memory_mb'], default=0)} MB"
    )


def plot(loads: list[dict[str, Any]], file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for load in loads:
        times = np.sort([taken for _, taken in load["answers"]])
        share = np.arange(1, len(times) + 1) / max(len(times), 1)
        label = f"{load['kiosks']} kiosks, {load['requests_per_second']} a second"
        left.plot(times, share, label=label)
        right.plot(load["memory_mb"], label=f"{load['kiosks']} kiosks")
    left.set(
        xscale="log",
        xlabel="milliseconds until the answer",
        ylabel="share of answers",
        title="identify over HTTP",
    )
    right.set(xlabel="seconds", ylabel="megabytes", title="largest web process", ylim=(0, None))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main()
