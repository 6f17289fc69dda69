"""`manage.py import_npz FILE`: people from the original project's embeddings."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from recognition.management.migrated_command import MigratedCommand
from recognition.models import ModelVersion
from recognition.services.analysis import active_model
from recognition.services.enrolment import import_npz, read_plan
from recognition.services.errors import ServiceError


class Command(MigratedCommand):
    help = (
        "Import embeddings as people: arrays embs, imm_classes and filenames of an .npz file such as vn2db.npz. "
        "One transaction per person; running it again adds nothing. The embeddings must come from the model in use."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--photos", type=Path, metavar="FOLDER", help="attach the photos that filenames name"
        )
        parser.add_argument(
            "--names", type=Path, metavar="CSV", help="person_id,name,path with the people's names"
        )
        parser.add_argument("--model", help="name of the model that made the embeddings (the one in use)")
        parser.add_argument(
            "--consent",
            action="store_true",
            help="record that everybody agreed to the consent text in force",
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = options["json"] or not sys.stderr.isatty()
        try:
            names = None
            if options["names"]:
                names = {person.external_id: person.name for person in read_plan(options["names"])}
            with tqdm(unit="person", disable=quiet) as bar:
                report = import_npz(
                    options["file"],
                    folder=options["photos"],
                    names=names,
                    version=self._version(options["model"]),
                    agreed_at=timezone.now() if options["consent"] else None,
                    on_plan=bar.reset,
                    on_person=bar.update,
                )
        except ServiceError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
        else:
            self.stdout.write(
                f"{report.people} people and {report.imported} embeddings imported, {report.photos} photos attached, "
                f"{report.skipped} there already, {len(report.rejected)} rejected"
            )
            if report.normalised:
                self.stdout.write(
                    f"{report.normalised} are not of unit length; they are normalised for the search"
                )
            for row in report.rejected:
                self.stdout.write(f"  {row['external_id']} {row['filename']}: {row['message']}")
            for row in report.without_photo:
                self.stdout.write(f"  {row['external_id']} {row['filename']}: no usable photo")
        if report.rejected and not report.imported and not report.skipped:
            sys.exit(1)

    def _version(self, name: str | None) -> ModelVersion:
        if name is None:
            return active_model()
        version = ModelVersion.objects.filter(name=name).first()
        if version is None:
            there = ", ".join(ModelVersion.objects.values_list("name", flat=True))
            raise CommandError(f"There is no model {name!r}. There are: {there or 'none'}.")
        return version
