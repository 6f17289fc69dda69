"""`manage.py export_person PERSON FILE`: everything about one person, for whom it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recognition.management.service_command import Failed, ServiceCommand
from recognition.services import identities


class Command(ServiceCommand):
    help = "Write everything that is kept about a person into one zip file, to be handed to the person."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("person", help="the person's ID")
        parser.add_argument("file", type=Path, help="a new file")

    def handle(self, *args: Any, **options: Any) -> None:
        identity = identities.get_identity(options["person"])
        path: Path = options["file"]
        part = path.with_name(f"{path.name}.part")
        if path.exists():
            raise Failed("exists", f"{path} is already there.")
        try:
            # For its owner only: it holds photos and vectors.
            with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file:
                identities.write_access_copy(identity, file)
            part.replace(path)
        except OSError as error:
            raise Failed("unwritable", f"{path} cannot be written: {error.strerror}.") from None
        finally:
            part.unlink(missing_ok=True)
        if options["json"]:
            self.print_document({"file": str(path), "bytes": path.stat().st_size})
        else:
            self.stdout.write(f"{path}: {path.stat().st_size:,} bytes, readable for you only.")
