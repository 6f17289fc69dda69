"""The figures as a picture: search time, and memory of a process, against the number of people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SERIES = (
    ("IndexFlatIP", "flat", "#b91c1c"),
    ("gallery", "gallery", "#1d4ed8"),
)


def plot(figures: dict[str, Any], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sizes = figures["sizes"]
    people = [size["people"] for size in sizes]
    picture, (times, memory) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for label, key, colour in SERIES:
        times.plot(people, [size[key]["p50_ms"] for size in sizes], "o-", color=colour, label=f"{label}, p50")
        times.plot(people, [size[key]["p99_ms"] for size in sizes], "^:", color=colour, label=f"{label}, p99")
    limit = [size["memory"]["reading_the_vectors_once_ms"] for size in sizes]
    times.plot(people, limit, "--", color="#6b7280", label="reading all vectors once")
    times.set(title="One search", xlabel="people", ylabel="milliseconds", xscale="log", yscale="log")
    memory.plot(people, [size["build"]["file_mb"] for size in sizes], "s-", color="#6b7280", label="file")
    memory.plot(
        people, [size["build"]["peak_mb"] for size in sizes], "^-", color="#b45309", label="peak of the build"
    )
    own = [max(size["process"]["own_mb"]["after_searches"], 0.1) for size in sizes]
    memory.plot(people, own, "o-", color="#1d4ed8", label="each further process")
    memory.set(title="Memory", xlabel="people", ylabel="MB", xscale="log", yscale="log")
    for axes in (times, memory):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    picture.savefig(path)
    plt.close(picture)
