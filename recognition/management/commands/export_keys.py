"""`manage.py export_keys FILE`: the keys of people, to be kept apart from dumps of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recognition.management.service_command import ServiceCommand
from recognition.services import audit, data_keys


class Command(ServiceCommand):
    help = (
        "Write the keys of people to a file, which replaces the former one. They are wrapped by the site's key. Dump "
        "the database without them, and keep only the newest file: then nobody can read in a dump who was erased since."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        audit.record("export.keys")
        count = data_keys.export_keys(options["file"])
        if options["json"]:
            self.print_document({"keys": count})
        else:
            self.stdout.write(f"{count} keys written. Destroy older copies of this file.")
