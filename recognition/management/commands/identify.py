"""`manage.py identify IMAGE`: who is in the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recognition.management.service_command import Failed, ServiceCommand, read_picture
from recognition.services.recognition import MOST_CANDIDATES, FaceAnswer, identify
from recognition.services.wording import reason_text


class Command(ServiceCommand):
    help = "Decide who each face of a picture is, best face first. The decision is kept, like any other."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("image", type=Path, metavar="IMAGE")
        parser.add_argument(
            "--top", type=int, default=5, metavar="K", help=f"candidates a face, 1..{MOST_CANDIDATES} (5)"
        )
        parser.add_argument("--no-record", action="store_true", help="keep no decision")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["top"] <= MOST_CANDIDATES:
            raise Failed("invalid_option", f"--top must be between 1 and {MOST_CANDIDATES}.")
        data = read_picture(options["image"])
        answer = identify(data, top=options["top"], record=not options["no_record"])
        if options["json"]:
            self.print_document(answer.as_dict())
            return
        if not answer.faces:
            self.stdout.write(self.style.WARNING(reason_text(answer.reason)))
        for number, face in enumerate(answer.faces, 1):
            self._print(number, face)
        self.stdout.write(f"{answer.timings.ms['total']:.0f} ms")

    def _print(self, number: int, face: FaceAnswer) -> None:
        left, top, right, bottom = face.seen.face.box
        where = f"face {number} at {left:.0f},{top:.0f}, {right - left:.0f} x {bottom - top:.0f} px"
        if face.identity is not None:
            verdict = self.style.SUCCESS(f"{face.identity.name} ({face.identity.external_id})")
        else:
            verdict = self.style.WARNING(reason_text(face.reason))
        self.stdout.write(f"{where}: {verdict}")
        for candidate in face.candidates:
            person = candidate.identity
            self.print_row(
                ("", 2), (f"{candidate.score:.4f}", -7), (person.external_id, 16), (person.name, 1)
            )
