"""`manage.py erase PERSON`: remove a person everywhere, with a signed receipt."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recognition.management.service_command import Failed, ServiceCommand
from recognition.services import identities


class Command(ServiceCommand):
    help = (
        "Remove a person with all photos, vectors and mentions, at once and for good. A signed receipt says what was "
        "removed; it is kept in the database and in the folder receipts/ of the data folder, and names nobody. "
        "verify_erasure checks it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("person", help="the person's ID")
        parser.add_argument(
            "--receipt", type=Path, metavar="FILE", help="write the receipt to this new file, too"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        identity = identities.get_identity(options["person"])
        file: Path | None = options["receipt"]
        if file is not None and (file.exists() or not file.parent.is_dir()):
            raise Failed("unwritable", f"{file} is there already, or its folder is not.")
        if not options["yes"]:
            self._ask(f"Erase {identity.name} ({identity.external_id}) for good? Type yes: ", options["json"])
        receipt = identities.erase(identity, by="manage.py erase")
        if receipt is None:
            raise Failed("unknown_person", "This person was erased meanwhile.")
        text = json.dumps(receipt, indent=1)
        if file is not None:
            try:
                file.write_text(text)
            except OSError as error:
                self.stderr.write(
                    f"{file} cannot be written: {error.strerror}. The receipt is in the data folder."
                )
        if options["json"]:
            self.print_document(receipt)
            return
        for kind, count in receipt["counts"].items():
            self.print_row((count, -6), (kind, 1))
        self.stdout.write(
            f"Erased person {receipt['person']['number']}. Former gallery files go within a quarter of an hour; then"
            " verify_erasure finds nothing any more."
        )

    def _ask(self, question: str, json_only: bool) -> None:
        if json_only or not sys.stdin.isatty():
            raise Failed("not_confirmed", "Nobody can be asked here. Add --yes.")
        if input(question).strip().lower() != "yes":
            raise Failed("not_confirmed", "Nothing was erased.")
