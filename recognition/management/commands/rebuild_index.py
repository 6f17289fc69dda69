"""`manage.py rebuild_index`: build the gallery file from Postgres."""

from __future__ import annotations

from typing import Any

from recognition.management.service_command import Failed, ServiceCommand
from recognition.services.gallery import rebuild_index


class Command(ServiceCommand):
    help = "Build the gallery of the active model anew from Postgres. Readers never wait for it."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            build = rebuild_index()
        except OSError as error:
            raise Failed("unwritable", f"The index cannot be written: {error}.") from None
        if build is None:
            raise Failed("busy", "Another process is building the index at this moment. Try again later.")
        if options["json"]:
            self.print_document(
                {
                    "generation": build.pk,
                    "model": build.model_version.name,
                    "people": build.identities,
                    "vectors": build.vectors,
                    "change_number": build.change_number,
                    "seconds": build.seconds,
                }
            )
            return
        self.stdout.write(
            f"Generation {build.pk}: {build.identities} people, {build.vectors} vectors, {build.seconds:.2f} s."
        )
