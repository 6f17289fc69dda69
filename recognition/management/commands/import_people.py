"""`manage.py import_people PATH`: enrol many people at once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from recognition.services.errors import ServiceError
from recognition.services.importing import import_people, read_plan


class Command(BaseCommand):
    help = (
        "Enrol people from a folder with one sub-folder of photos per person, or from a CSV of "
        "person_id,name,path (paths relative to the CSV). Running it again adds nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument(
            "--async",
            action="store_true",
            dest="in_background",
            help="only store the photos; the workers find the faces",
        )
        parser.add_argument("--threads", type=int, default=2, help="photos in work at once (2)")
        parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["threads"] < 1:
            raise CommandError("--threads must be at least 1.")
        quiet = options["json"] or not sys.stderr.isatty()
        try:
            plan = read_plan(options["path"])
            with tqdm(total=sum(len(p.paths) for p in plan), unit="photo", disable=quiet) as bar:
                report = import_people(
                    plan,
                    in_background=options["in_background"],
                    threads=options["threads"],
                    on_photo=bar.update,
                )
        except ServiceError as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped. The people done so far are enrolled; run it again for the rest."
            ) from None
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
            return
        for row in report.rejected:
            self.stdout.write(f"rejected  {row['external_id']}  {row['path']}: {row['message']}")
        self.stdout.write(
            f"{report.people} people added. Photos: {report.enrolled} enrolled, {report.enqueued} enqueued, "
            f"{report.skipped} there already, {len(report.rejected)} rejected."
        )
