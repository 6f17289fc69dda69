"""``python -m bench.liveness``: prints a table by kind, writes bench-liveness.json."""

from __future__ import annotations

import argparse
import json
import os
import platform
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bench.liveness.attempts import attempt
from bench.liveness.kinds import KINDS, Kind


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.liveness", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="attempts of each kind (20)")
    parser.add_argument("--kind", help="only kinds whose name holds this")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path, default=Path("bench-liveness.json"))
    options = parser.parse_args()
    numbers = [n for n, kind in enumerate(KINDS) if not options.kind or options.kind in kind.name]
    work = [(n, seed) for n in numbers for seed in range(options.times)]
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        outcomes = list(pool.map(attempt, work, chunksize=4))
    table = [
        row(KINDS[n], [found for (k, _), found in zip(work, outcomes, strict=True) if k == n])
        for n in numbers
    ]
    options.output.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    show(table)
    print(f"\n{os.cpu_count()} cores, {platform.machine()}; figures in {options.output}")


def row(kind: Kind, found: list[dict[str, Any]]) -> dict[str, Any]:
    reasons = [one["reason"] for one in found if one["reason"]]
    right = sum((one["state"] == "passed") == kind.genuine for one in found)
    return {
        "kind": kind.name,
        "genuine": kind.genuine,
        "attempts": len(found),
        "right": right,
        "seconds_median": round(float(np.median([one["seconds"] for one in found])), 1),
        "reasons": {name: reasons.count(name) for name in sorted(set(reasons))},
    }


def show(table: list[dict[str, Any]]) -> None:
    width = max(len(one["kind"]) for one in table)
    for one in table:
        word = "accepted" if one["genuine"] else "refused"
        why = ", ".join(f"{name} {count}" for name, count in one["reasons"].items())
        share = f"{one['right']:>3} of {one['attempts']}"
        print(f"{one['kind']:<{width}}  {word} {share}  {one['seconds_median']:>5} s  {why}")
    for genuine, word in ((True, "genuine people accepted"), (False, "attacks refused")):
        those = [one for one in table if one["genuine"] == genuine]
        if total := sum(one["attempts"] for one in those):
            right = sum(one["right"] for one in those)
            print(f"{word}: {right} of {total} = {100 * right / total:.1f} %")


if __name__ == "__main__":
    main()
