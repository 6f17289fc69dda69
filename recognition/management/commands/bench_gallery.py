"""`manage.py bench_gallery`: search time, memory and recall of the gallery, beside `IndexFlatIP` in the same run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bench.gallery import measure
from bench.gallery.plot import plot
from bench.gallery.population import MODELS
from recognition.engine.first_stage import AUTO, FLAT, RABITQ


class Command(BaseCommand):
    help = (
        "Measure the gallery with made-up people whose scores are distributed as a real model's. "
        "Needs no database; 1,000,000 people take 5 GB of memory and some minutes."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--people", type=int, nargs="+", default=[10_000, 100_000], help="sizes of the gallery"
        )
        parser.add_argument("--model", choices=sorted(MODELS), default="ghostfacenet", help="whose scores")
        parser.add_argument(
            "--index", choices=[FLAT, RABITQ, AUTO], default=AUTO, help="as GALLERY_INDEX (auto)"
        )
        parser.add_argument("--times", type=int, default=1_000, help="searches whose time is taken (1000)")
        parser.add_argument(
            "--probes", type=int, default=2_000, help="searches compared with IndexFlatIP (2000)"
        )
        parser.add_argument("--output", type=Path, help="write the JSON here, too")
        parser.add_argument("--plot", type=Path, help="draw the figures here (.svg or .png)")

    def handle(self, *args: Any, **options: Any) -> None:
        if min(options["people"]) < 1_000 or min(options["times"], options["probes"]) < 1:
            raise CommandError("At least 1000 people, one search and one probe.")
        figures = measure(
            sorted(options["people"]),
            model=options["model"],
            stage=options["index"],
            times=options["times"],
            probes=options["probes"],
            say=lambda text: self.stderr.write(text),
        )
        document = json.dumps(figures, indent=2)
        self.stdout.write(document)
        if options["output"]:
            options["output"].write_text(document + "\n", encoding="utf-8")
        if options["plot"]:
            plot(figures, options["plot"])
