"""What is counted and timed while the site works, for Prometheus.

A process that ends soon (a command, a test) counts for itself. Those that serve call `share` once, before they count
anything: then each writes into a small file in memory, and any of them can answer for all. Labels are few and fixed; no
name of a person, key or place is one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, values
from prometheus_client.multiprocess import MultiProcessCollector

log = logging.getLogger(__name__)

REGISTRY = CollectorRegistry()
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
LONG = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
RESERVED = {"counter": 2**17, "histogram": 2**19}  # bytes; several times of what is used
FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus-client puts its files

# Every metric has a label: those without would open their file before `share` could say where.
REQUESTS = Counter(
    "identity_requests",
    "Requests answered, by area of the site.",
    ["area", "method", "status"],
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "identity_request_seconds",
    "How long answers took.",
    ["area"],
    buckets=LONG,
    registry=REGISTRY,
)
STAGE_SECONDS = Histogram(
    "identity_stage_seconds",
    "How long each step of identify and verify took.",
    ["stage"],
    buckets=QUICK,
    registry=REGISTRY,
)
DECISIONS = Counter(
    "identity_decisions",
    "Faces decided about, by outcome and reason.",
    ["kind", "outcome", "reason"],
    registry=REGISTRY,
)
WAITING_SECONDS = Histogram(
    "identity_waiting_seconds",
    "How long pictures waited for their turn in a web process.",
    ["what"],
    buckets=QUICK,
    registry=REGISTRY,
)
TURNED_AWAY = Counter(
    "identity_turned_away",
    "Pictures that were not looked at, because others were: no place to wait was left, or their time was up.",
    ["why"],
    registry=REGISTRY,
)
TASKS = Counter(
    "identity_tasks",
    "Tasks that workers ended.",
    ["task", "state"],
    registry=REGISTRY,
)
TASK_SECONDS = Histogram(
    "identity_task_seconds",
    "How long tasks took.",
    ["task"],
    buckets=LONG,
    registry=REGISTRY,
)


def share(folder: Path, slot: Callable[[], str]) -> None:
    """From now on this process and its forks count in files of this folder; each calls `reserve` first.

    slot: names the process, differently from all others that run; a process that takes the place of one that ended
    may go on with its name, so that files do not become more and more. Without an underscore.
    """
    os.environ[FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue(slot)  # type: ignore[no-untyped-call]
    reserve(folder, slot())


def reserve(folder: Path, slot: str) -> None:
    """Take the space of the files that this process counts in. A page of memory that cannot be had when it is written
    to would end the process. Where there is no space, the process counts for itself."""
    try:
        for kind, size in RESERVED.items():
            with (folder / f"{kind}_{slot}.db").open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        log.warning("metrics of this process are not counted: %s", error)
        values.ValueClass = values.MutexValue


def collect(files: Iterable[Path] | None) -> list[Metric]:
    """What was counted: in these files of all processes together, or with None by this process alone."""
    if files is None:
        return list(REGISTRY.collect())
    return list(MultiProcessCollector.merge([str(file) for file in files]))  # type: ignore[no-untyped-call]


def stages(milliseconds: dict[str, float]) -> None:
    """Note how long each step of a probe took."""
    for stage, taken in milliseconds.items():
        STAGE_SECONDS.labels(stage).observe(taken / 1000)
