"""``python -m bench.backends``: the engines behind GALLERY_BACKEND on the same people of a throw-away site, by turns.

Milvus is asked where MILVUS_URL names a server; its small version in this process compares with everybody and would say
nothing about it.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.gallery.population import MODELS, Population
from bench.site import enrol, throwaway_site

ENGINES = {
    "faiss": {"GALLERY_BACKEND": "faiss"},
    "pgvector, everybody": {"GALLERY_BACKEND": "pgvector", "GALLERY_PG_INDEX": "exact"},
    "pgvector, HNSW": {"GALLERY_BACKEND": "pgvector", "GALLERY_PG_INDEX": "hnsw"},
    "pgvector, signs": {"GALLERY_BACKEND": "pgvector", "GALLERY_PG_INDEX": "bits"},
}
MODEL = "ghostfacenet"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.backends", description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--times", type=int, default=300, help="searches of each engine (300)")
    parser.add_argument("--output", type=Path, default=Path("backends.json"))
    options = parser.parse_args()
    os.environ["EMBEDDER"] = os.environ.get("EMBEDDER", "ghostfacenet-v1-1.3-2-2026nov2")
    figures = {}
    with throwaway_site():
        there = 0
        for people in sorted(options.people):
            population = Population(MODELS[MODEL], people)
            enrol(_further(population, there))
            there = people
            figures[str(people)] = measure(population, options.times)
            print(people, json.dumps(figures[str(people)], indent=2), flush=True)
    options.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def measure(population: Population, times: int) -> dict[str, Any]:
    _, probes = population.probes(times)
    found: dict[str, Any] = {}
    engines = ENGINES | ({"milvus": {"GALLERY_BACKEND": "milvus"}} if "MILVUS_URL" in os.environ else {})
    drop_indexes()
    for name, settings in engines.items():
        with chosen(settings):
            found[name] = prepare(fill="HNSW" not in name and "signs" not in name)
    taken: dict[str, list[float]] = {name: [] for name in engines}
    first: dict[str, list[int]] = {name: [] for name in engines}
    scores: list[float] = []
    from recognition.services.gallery import live_gallery

    for probe in probes:
        for name, settings in engines.items():
            with chosen(settings):
                start = time.perf_counter()
                row = live_gallery.current().search(probe[None], 5)[0]
                taken[name].append(1000 * (time.perf_counter() - start))
                first[name].append(row[0].identity_id)
                if name == "faiss":
                    scores.append(row[0].score)
    clear = np.array(scores) >= population.scores.identify_threshold
    right = np.array(first["faiss"])
    for name in engines:
        found[name] |= {
            "search_p50_ms": round(float(np.median(taken[name])), 2),
            "search_p99_ms": round(float(np.percentile(taken[name], 99)), 2),
            "first_as_faiss": int((np.array(first[name]) == right)[clear].sum()),
            "of_probes_above_the_threshold": int(clear.sum()),
        }
    return found


def prepare(fill: bool) -> dict[str, Any]:
    """How long the engine takes to hold everybody, its index, and one change. fill: it shares its rows with nobody."""
    from django.db import transaction

    from recognition.models import Identity
    from recognition.services.gallery import live_gallery, rebuild_if_stale, rebuild_index, record_change

    live_gallery.forget()
    start = time.perf_counter()
    if fill:
        rebuild_index()
    filled = time.perf_counter()
    rebuild_if_stale()
    tended = time.perf_counter()
    changes = []
    number = Identity.objects.values_list("pk", flat=True)[0]
    live_gallery.current()
    for _ in range(20):
        with transaction.atomic():
            record_change(number)
        begun = time.perf_counter()
        live_gallery.current()
        changes.append(1000 * (time.perf_counter() - begun))
    return {
        "fill_seconds": round(filled - start, 1) if fill else None,
        "index_seconds": round(tended - filled, 1),
        "one_change_ms": round(float(np.median(changes)), 2),
    }


def drop_indexes() -> None:
    """Those of fewer people: filling would keep them up."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE indexname ~ '^gallery_(hnsw|bits)_'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX {name}")


@contextmanager
def chosen(values: dict[str, str]) -> Iterator[None]:
    from django.test import override_settings

    with override_settings(**values):
        yield


def _further(population: Population, there: int) -> Iterator[np.ndarray[Any, np.dtype[np.float32]]]:
    for owners, vectors in population.chunks():
        if owners[-1] > there:
            yield vectors[max(0, there - int(owners[0]) + 1) :]


if __name__ == "__main__":
    main()
