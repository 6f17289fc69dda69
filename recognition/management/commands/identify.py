"""`manage.py identify IMAGE`: who is in the picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognition.engine.types import EngineError
from recognition.management.pictures import read_picture
from recognition.services.errors import ServiceError
from recognition.services.recognise import FaceAnswer, identify
from recognition.services.wording import reason_text


class Command(BaseCommand):
    help = "Decide who each face of a picture is, best face first. The decision is kept, like any other."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("image", type=Path)
        parser.add_argument("--top", type=int, default=5, metavar="K", help="candidates a face, 1..20 (5)")
        parser.add_argument("--no-record", action="store_true", help="keep no decision")
        parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["top"] <= 20:
            raise CommandError("--top must be between 1 and 20.")
        try:
            answer = identify(
                read_picture(options["image"]), top=options["top"], record=not options["no_record"]
            )
        except (ServiceError, EngineError) as error:
            raise CommandError(f"{options['image']}: {error}") from None
        if options["json"]:
            self.stdout.write(json.dumps(answer.as_dict()))
            return
        if not answer.faces:
            self.stdout.write("No face was found.")
        for number, face in enumerate(answer.faces, 1):
            self._print(number, face)
        total = sum(answer.timings.ms.values())
        self.stdout.write(f"{total:.0f} ms in all")

    def _print(self, number: int, face: FaceAnswer) -> None:
        left, top, right, bottom = face.seen.face.box
        where = f"face {number} at {left:.0f},{top:.0f} {right - left:.0f} x {bottom - top:.0f}"
        if face.identity is not None:
            verdict = self.style.SUCCESS(f"{face.identity.name} ({face.identity.external_id})")
        else:
            verdict = self.style.WARNING(reason_text(face.reason))
        self.stdout.write(f"{where}: {verdict}")
        for candidate in face.candidates:
            self.stdout.write(
                f"    {candidate.score:7.4f}  {candidate.identity.external_id}  {candidate.identity.name}"
            )
