"""`manage.py export_npz FILE`: everybody's embeddings in the form of the original project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition.management.migrated_command import MigratedCommand
from recognition.services.enrolment import export_npz


class Command(MigratedCommand):
    help = "Write all embeddings of the model in use to an .npz file: arrays embs, imm_classes and filenames."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true", help="print the numbers as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            people, embeddings = export_npz(path)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror or error}.") from None
        if options["json"]:
            self.stdout.write(json.dumps({"file": str(path), "people": people, "embeddings": embeddings}))
        else:
            self.stdout.write(f"{embeddings} embeddings of {people} people written to {path}")
