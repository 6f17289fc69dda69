"""``python -m bench``: prints a table, writes bench.json."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import measures
from bench.site import populate, throwaway_site

PEOPLE = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=measures.__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE, help=f"people enrolled ({PEOPLE})")
    parser.add_argument("--times", type=int, default=100, help="repetitions of each call (100)")
    parser.add_argument("--output", type=Path, default=Path("bench.json"), help="the JSON file (bench.json)")
    options = parser.parse_args()
    with throwaway_site() as folder:
        figures = measure(options.people, options.times, folder)
    options.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print_table(rows(figures))
    print(f"\n{os.cpu_count()} cores, {platform.machine()}; figures in {options.output}")


def measure(people: int, times: int, folder: Path) -> dict[str, Any]:
    from recognition.services.keys import issue_key

    figures: dict[str, Any] = {"people": people}
    figures["import"] = measures.import_photos(copies=3)
    populate(people)
    figures["identify"] = measures.identify(times)
    figures["naive"] = measures.naive(max(times // 5, 3), people, folder)
    figures["ratio"] = round(figures["naive"]["median_ms"] / figures["identify"]["median_ms"], 1)
    figures["web"] = measures.web(times, issue_key(name="bench", scopes=["identify"])[1])
    figures["catch_up"] = measures.catch_up(times)
    figures["gallery"] = {str(n): measures.gallery(n, times) for n in (10_000, 100_000)}
    return figures


def rows(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What, the figure, what is wanted."""
    identify, naive, web = figures["identify"], figures["naive"], figures["web"]
    steps = ", ".join(f"{name} {ms:.1f}" for name, ms in identify["steps_median_ms"].items())
    return [
        (f"identify, {figures['people']} people", _spread(identify), "median at most 30 ms"),
        ("  its steps", steps, ""),
        (f"naive: {naive['kind']}", _spread(naive), ""),
        ("  naive / ours", f"{figures['ratio']} x", ""),
        ("identify over HTTP", _spread(web), ""),
        ("memory of a web process", f"{web['memory_mb']} MB", "at most 400 MB"),
        ("import_people", f"{figures['import']['photos_per_second']} photos/s", "at least 25 photos/s"),
        ("catch-up after one change", _spread(figures["catch_up"]), ""),
        *(
            (f"gallery of {n}", f"search {g['search_ms']} ms, change {g['change_ms']} ms", "")
            for n, g in figures["gallery"].items()
        ),
    ]


def _spread(figures: dict[str, Any]) -> str:
    return f"{figures['median_ms']:.1f} ms median, {figures['p95_ms']:.1f} ms p95"


def print_table(table: Sequence[tuple[str, str, str]]) -> None:
    first = max(len(row[0]) for row in table)
    for name, figure, wanted in table:
        print(f"{name:<{first}}  {figure}" + (f"   ({wanted})" if wanted else ""))


if __name__ == "__main__":
    main()
