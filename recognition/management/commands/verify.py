"""`manage.py verify IMAGE IMAGE`: whether two pictures show one person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognition.engine.types import EngineError
from recognition.management.pictures import read_picture
from recognition.services.errors import ServiceError
from recognition.services.recognise import verify_images
from recognition.services.wording import reason_text


class Command(BaseCommand):
    help = "Compare the largest faces of two pictures, 1:1. The decision is kept, like any other."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("first", type=Path, metavar="IMAGE")
        parser.add_argument("second", type=Path, metavar="IMAGE")
        parser.add_argument("--no-record", action="store_true", help="keep no decision")
        parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        first, second = read_picture(options["first"]), read_picture(options["second"])
        try:
            answer = verify_images(first, second, record=not options["no_record"])
        except (ServiceError, EngineError) as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(answer.as_dict()))
            return
        if answer.score is None:
            self.stdout.write(self.style.WARNING(reason_text(answer.reason)))
            return
        verdict = "the same person" if answer.decision == "match" else "not the same person"
        self.stdout.write(f"{verdict}: score {answer.score:.4f}, threshold {answer.threshold:.4f}")
