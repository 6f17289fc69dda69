"""`manage.py export_people FOLDER`: everybody and their photos, as `import_people` reads them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from recognition.management.migrated_command import MigratedCommand
from recognition.models import Identity
from recognition.services.errors import ServiceError
from recognition.services.identities import export_people


class Command(MigratedCommand):
    help = "Write data.csv (person_id,name,path) and the photos of everybody into a folder."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--without-photos", action="store_true", help="write the CSV only")
        parser.add_argument("--json", action="store_true", help="print the numbers as JSON and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = options["json"] or not sys.stderr.isatty()
        folder: Path = options["folder"]
        try:
            with tqdm(total=Identity.objects.count(), unit="person", disable=quiet) as bar:
                people, photos = export_people(
                    folder, with_photos=not options["without_photos"], on_person=bar.update
                )
        except ServiceError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps({"folder": str(folder), "people": people, "photos": photos}))
        else:
            self.stdout.write(f"{people} people and {photos} photos written to {folder}")
