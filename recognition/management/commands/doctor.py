"""`manage.py doctor`: is everything well, and if not, what to do."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from identity_site.diagnosis import ERROR, OK, WARNING, diagnose


class Command(BaseCommand):
    help = (
        "Look at database, Redis, worker, models, index, disk and camera, and say what to do. "
        "The status is 1 if something is wrong."
    )
    requires_system_checks = ()  # it has to run where these fail

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = diagnose()
        wrong = sum(finding.state == ERROR for finding in findings)
        if options["json"]:
            document = {"ok": not wrong, "findings": [finding.as_dict() for finding in findings]}
            self.stdout.write(json.dumps(document, indent=2))
        else:
            marks = {OK: self.style.SUCCESS("ok     "), WARNING: self.style.WARNING("warning")}
            for finding in findings:
                mark = marks.get(finding.state, self.style.ERROR("wrong  "))
                self.stdout.write(f"{mark} {finding.name:<9} {finding.summary}")
                if finding.advice:
                    self.stdout.write(f"{'':<18}-> {finding.advice}")
            self.stdout.write("")
            self.stdout.write(f"{wrong} things are wrong." if wrong else "Everything is well.")
        if wrong:
            sys.exit(1)
