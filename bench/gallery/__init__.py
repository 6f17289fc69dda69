"""How the gallery grows: `manage.py bench_gallery`. Needs neither database nor models, and touches nobody's data.

Every step runs in a process of its own, so that its memory is its own: one builds the file, one opens it as a further
web process does, one asks the same probes of the gallery and of `IndexFlatIP`, by turns.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.gallery.population import MODELS

ROOT = Path(__file__).resolve().parent.parent.parent
MEMORY = Path("/dev/shm")  # noqa: S108 - where the site keeps the file, too


def measure(
    people: list[int], *, model: str, stage: str, times: int, probes: int, say: Callable[[str], Any]
) -> dict[str, Any]:
    """times: searches whose time is taken; probes: searches compared with those of `IndexFlatIP`."""
    figures: dict[str, Any] = {
        "machine": {"cores": os.cpu_count(), "processor": processor()},
        "population": {"model": model} | asdict(MODELS[model]),
        "sizes": [],
    }
    for count in people:
        with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
            common = [str(Path(folder) / "bench.gallery"), model, str(count)]
            say(f"{count} people: building")
            build = step("build", *common, stage)
            say(f"{count} people: opening")
            opened = step("open", *common, str(times))
            say(f"{count} people: comparing with IndexFlatIP")
            compared = step("compare", *common, str(times), str(probes))
        figures["sizes"].append({"people": count, "build": build, "process": opened} | compared)
    return figures


def step(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.gallery.steps", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()
