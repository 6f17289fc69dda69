"""One step of the bench in a process of its own: ``python -m bench.gallery.steps STEP FILE MODEL PEOPLE ...``."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from bench.gallery.population import MODELS, Population
from recognition.engine.first_stage import chosen
from recognition.engine.gallery import Gallery
from recognition.engine.gallery_build import People, header, in_chunks, write
from recognition.engine.types import Match

FLAT_ROUND = 10  # searches of the gallery for each of the flat index
BLOCK = 500
TIE = 5e-4  # two people who are equally near: half precision is off by up to 2e-4


def build(path: Path, model: str, people: int, stage: str) -> dict[str, Any]:
    population = Population(MODELS[model], people)
    start = time.perf_counter()
    making = 0.0

    def chunks() -> Iterator[People]:
        nonlocal making
        parts = population.chunks()
        while True:
            begun = time.perf_counter()
            part = next(parts, None)
            making += time.perf_counter() - begun
            if part is None:
                return
            yield from in_chunks(*part)

    dimensions = population.scores.dimensions
    write(path, header(model, dimensions, chosen(stage, people, dimensions)), chunks())
    return {
        "stage": chosen(stage, people, dimensions),
        "seconds": round(time.perf_counter() - start - making, 2),
        "making_people_seconds": round(making, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "file_mb": round(path.stat().st_size / 1e6, 1),
    }


def opened(path: Path, model: str, people: int, times: str) -> dict[str, Any]:
    """A further process: what it takes until the first answer, and how much memory is its own."""
    population = Population(MODELS[model], people)
    dimensions = population.scores.dimensions
    _, probes = population.probes(min(int(times), people))
    population = None  # type: ignore[assignment]
    empty = Gallery(dimensions, model)
    empty.put(1, probes[:1])
    empty.search(probes[:1], 5)
    before = memory()
    start = time.perf_counter()
    gallery = Gallery.load(path, dimensions=dimensions, model=model)
    loaded = time.perf_counter()
    gallery.search(probes[:1], 5)
    first = time.perf_counter()
    at_once = memory()
    cold = timed(lambda i: gallery.search(probes[i : i + 1], 5), len(probes))
    after = memory()
    change = timed(lambda i: gallery.put(people + i, probes[i : i + 1]), min(100, len(probes)))
    return {
        "open_ms": round((loaded - start) * 1000, 1),
        "first_answer_ms": round((first - start) * 1000, 1),
        "first_searches": spread(cold),
        "own_mb": {"opened": at_once[0] - before[0], "after_searches": after[0] - before[0]},
        "resident_mb": {"opened": at_once[1] - before[1], "after_searches": after[1] - before[1]},
        "change": spread(change),
    }


def compare(path: Path, model: str, people: int, times: str, probes: str) -> dict[str, Any]:
    population = Population(MODELS[model], people)
    dimensions = population.scores.dimensions
    flat = faiss.IndexFlatIP(dimensions)
    for _, vectors in population.chunks():
        flat.add(vectors)
    gallery = Gallery.load(path, dimensions=dimensions, model=model)
    _, wanted = population.probes(int(probes))
    best, exact, found = [], [], []
    for start in range(0, len(wanted), BLOCK):
        scores, rows = flat.search(wanted[start : start + BLOCK], 1)
        best += (rows[:, 0] + 1).tolist()
        exact += scores[:, 0].tolist()
    faiss.omp_set_num_threads(1)
    for start in range(0, len(wanted), BLOCK):
        found += [row[0] for row in gallery.search(wanted[start : start + BLOCK], 5)]
    ours, theirs = by_turns(gallery, flat, wanted, int(times))
    gigabytes = bandwidth()
    limit = people * dimensions * 4 / 1e9 / gigabytes * 1000
    return {
        "gallery": spread(ours),
        "flat": spread(theirs),
        "ratio": {
            key: round(float(spread(theirs)[key]) / float(spread(ours)[key]), 1)
            for key in ("p50_ms", "p99_ms")
        },
        "memory": {"gb_per_s": round(gigabytes, 1), "reading_the_vectors_once_ms": round(limit, 2)},
        "recall": recall(found, best, exact, population.scores.identify_threshold),
    }


def by_turns(gallery: Gallery, flat: Any, probes: Any, times: int) -> tuple[list[float], list[float]]:
    """Milliseconds of single searches; what else the machine does slows both."""
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(times):
        probe = probes[turn % len(probes)][None]
        ours += timed(lambda _, probe=probe: gallery.search(probe, 5), 1)  # type: ignore[misc]
        if turn % FLAT_ROUND == 0:
            theirs += timed(lambda _, probe=probe: flat.search(probe, 32), 1)  # type: ignore[misc]
    return ours, theirs


def recall(found: list[Match], best: list[int], exact: list[float], threshold: float) -> dict[str, Any]:
    same = np.array([match.identity_id for match in found]) == np.array(best)
    scores = np.array([match.score for match in found])
    away = np.abs(scores - np.array(exact))
    same |= away < TIE
    sure = np.array(exact) >= threshold
    return {
        "probes": len(found),
        "at_the_threshold": {"probes": int(sure.sum()), "share": round(float(same[sure].mean()), 6)},
        "all": round(float(same.mean()), 6),
        "largest_difference_of_scores": float(away[same].max().round(7)),
    }


def bandwidth() -> float:
    """Gigabytes a second that one thread reads from memory."""
    array = np.ones(2**26, np.uint64)  # larger than most caches
    return array.nbytes / 1e6 / min(timed(lambda _: array.max(), 5))


def memory() -> tuple[int, int]:
    """Megabytes of this process's own memory, and all that is present in it, the shared file too."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    found = dict(line.split(":", 1) for line in lines)
    own, resident = (int(found[name].split()[0]) / 1024 for name in ("RssAnon", "VmRSS"))
    return round(own), round(resident)


def timed(call: Callable[[int], Any], times: int) -> list[float]:
    taken = []
    for number in range(times):
        start = time.perf_counter()
        call(number)
        taken.append((time.perf_counter() - start) * 1000)
    return taken


def spread(milliseconds: list[float]) -> dict[str, float | int]:
    return {
        "p50_ms": round(float(np.median(milliseconds)), 3),
        "p99_ms": round(float(np.percentile(milliseconds, 99)), 3),
        "searches": len(milliseconds),
    }


def main() -> None:
    name, path, model, people, *rest = sys.argv[1:]
    steps: dict[str, Callable[..., dict[str, Any]]] = {"build": build, "open": opened, "compare": compare}
    print(json.dumps(steps[name](Path(path), model, int(people), *rest)))


if __name__ == "__main__":
    main()
