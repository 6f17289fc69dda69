"""`manage.py import_keys FILE`: the keys of people back, after a dump was restored without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recognition.management.service_command import ServiceCommand
from recognition.services import data_keys


class Command(ServiceCommand):
    help = "Bring the keys of people back from a file of export_keys, after a dump was restored. Those here stay."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        added, gone = data_keys.import_keys(options["file"])
        if options["json"]:
            self.print_document({"added": added, "of_nobody_here": gone})
        else:
            self.stdout.write(f"{added} keys added; {gone} are of people who are not here.")
