"""`manage.py verify IMAGE IMAGE`: whether two pictures show one person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recognition.management.service_command import ServiceCommand, read_picture
from recognition.services.recognition import verify_images
from recognition.services.wording import reason_text


class Command(ServiceCommand):
    help = "Compare the largest faces of two pictures, 1:1. The decision is kept, like any other."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("first", type=Path, metavar="IMAGE")
        parser.add_argument("second", type=Path, metavar="IMAGE")
        parser.add_argument("--no-record", action="store_true", help="keep no decision")

    def handle(self, *args: Any, **options: Any) -> None:
        first, second = read_picture(options["first"]), read_picture(options["second"])
        answer = verify_images(first, second, record=not options["no_record"])
        if options["json"]:
            self.print_document(answer.as_dict())
        elif answer.score is None:
            self.stdout.write(self.style.WARNING(reason_text(answer.reason)))
        else:
            same = answer.decision == "match"
            verdict = (
                self.style.SUCCESS("The same person") if same else self.style.WARNING("Not the same person")
            )
            self.stdout.write(f"{verdict}: score {answer.score:.4f}, threshold {answer.threshold:.4f}")
