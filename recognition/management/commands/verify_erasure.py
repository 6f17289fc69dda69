"""`manage.py verify_erasure [RECEIPT ...]`: is a receipt genuine, and is anything of the person here?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recognition.management.service_command import Failed, ServiceCommand
from recognition.services import identities


class Command(ServiceCommand):
    help = (
        "Check receipts of erasures: the signature, and that nothing of the person is in database, storage or gallery. "
        "Without a file all that the database and the folder receipts/ of the data folder hold are checked. After a "
        "restored backup, --again erases whoever came back with it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("receipts", nargs="*", type=Path, metavar="RECEIPT", help="files with receipts")
        parser.add_argument(
            "--again", action="store_true", help="erase again who is here, with a new receipt"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        files: list[Path] = options["receipts"]
        receipts = [identities.read_receipt(file) for file in files] or identities.known_receipts()
        document = [self._check(receipt, again=options["again"]) for receipt in receipts]
        left = sum(bool(entry["left"]) for entry in document)
        if options["json"]:
            self.print_document({"receipts": document, "left": left})
        else:
            self._print(document)
        if left:
            raise Failed(
                "not_erased", f"Something is left of {left} of {len(document)} people.", detail=document
            )

    def _check(self, receipt: identities.Receipt, *, again: bool) -> dict[str, Any]:
        receipt = identities.check_signature(receipt)
        person = identities.person_of(receipt)
        erased_again = again and person is not None
        if person is not None and again:
            identities.erase(person, by="manage.py verify_erasure --again")
        traces = identities.traces_of(receipt)
        return {
            "person": receipt["person"]["number"],
            "erased_at": receipt["erased_at"],
            "erased_again": erased_again,
            "left": {trace.kind: trace.count for trace in traces if not trace.note},
            "notes": {trace.kind: f"{trace.count}: {trace.note}" for trace in traces if trace.note},
        }

    def _print(self, document: list[dict[str, Any]]) -> None:
        for entry in document:
            found = ", ".join(f"{count} {kind}" for kind, count in entry["left"].items())
            state = f"STILL HERE: {found}" if found else "nothing is left"
            more = "erased again; " if entry["erased_again"] else ""
            self.print_row(
                (f"person {entry['person']}", 14), (entry["erased_at"][:19], 20), (f"{more}{state}", 1)
            )
            for kind, note in entry["notes"].items():
                self.print_row(("", 14), ("", 20), (f"{kind}: {note}", 1))
        self.stdout.write(f"{len(document)} receipts are genuine.")
