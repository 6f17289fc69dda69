"""``manage.py export_audit FILE``: the audit log as lines of JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition.management.service_command import ServiceCommand
from recognition.services import audit


class Command(ServiceCommand):
    help = (
        "Write the audit log to a file, one JSON document a line, oldest first, such as for a host of logs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument("--after", type=int, default=0, metavar="ID", help="only entries after this one")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = audit.export_entries(options["file"], after=options["after"])
        except FileExistsError:
            raise CommandError(f"{options['file']} is already there. Choose another name.") from None
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written: {error.strerror}.") from None
        audit.record("export.audit", after=options["after"], count=count)
        if options["json"]:
            self.print_document({"entries": count})
        else:
            self.stdout.write(f"{count} entries are in {options['file']}.")
