"""``manage.py verify_audit``: is the audit log as it was written?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition.management.service_command import ServiceCommand
from recognition.services import audit


class Command(ServiceCommand):
    help = (
        "Walk the chain of the audit log and say which entry was changed, removed, added or moved. Keep the head "
        "that it prints elsewhere, and give it next time: only so is it seen that entries were cut off at the end."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--head", metavar="NUMBER:DIGEST", default="", help="a head that was printed before"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        number, _, digest = options["head"].partition(":")
        if options["head"] and not (number.isdecimal() and len(digest) == 64):
            raise CommandError("Give the head as it was printed: NUMBER:DIGEST.")
        head = audit.verify(number=int(number or 0), digest=digest)
        text = f"{head.entries}:{head.digest}"
        if options["json"]:
            self.print_document({"entries": head.entries, "head": text, "problems": list(head.problems)})
        else:
            for problem in head.problems:
                self.stderr.write(problem)
            if not head.problems:
                self.stdout.write(f"{head.entries} entries, all as they were written.")
            self.stdout.write(f"Head: {text}")
        if head.problems and not options["json"]:
            raise CommandError(f"The audit log was changed: {len(head.problems)} problems.")
