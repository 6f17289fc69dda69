"""`manage.py rebuild_index`: build the gallery file from Postgres."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognition.engine.types import EngineError
from recognition.services.index import rebuild_index


class Command(BaseCommand):
    help = "Build the gallery of the active model anew from Postgres. Readers never wait for it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            build = rebuild_index()
        except (EngineError, OSError) as error:
            raise CommandError(str(error)) from None
        if build is None:
            raise CommandError("Another process is building the index at this moment. Try again later.")
        if options["json"]:
            figures = {
                "generation": build.pk,
                "model": build.model_version.name,
                "people": build.identities,
                "vectors": build.vectors,
                "change_number": build.change_number,
                "seconds": build.seconds,
            }
            self.stdout.write(json.dumps(figures))
            return
        self.stdout.write(
            f"Generation {build.pk}: {build.identities} people, {build.vectors} vectors, {build.seconds} s."
        )
