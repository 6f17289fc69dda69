"""`manage.py import_people PATH`: enrol many people at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, current_thread, main_thread
from types import FrameType
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from recognition.management.service_command import Failed, ServiceCommand, progress
from recognition.services import models as model_services
from recognition.services.enrolment import PlannedPerson, Report, import_people, open_plan

INTERRUPTED = 130  # as a shell says it of Ctrl-C


class Command(ServiceCommand):
    help = (
        "Enrol people from a folder with one sub-folder of photos per person, or from a CSV of "
        "person_id,name,path (paths relative to the CSV; commas, semicolons or tabs; UTF-8, UTF-16 or the code of your "
        "system), or from a zip of either. Only a CSV gives names: the people of a folder are called as their "
        "sub-folders are. Running it again adds nothing. A column consent of the CSV may say yes, or since when "
        "(2026-05-04) the person has agreed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("path", type=Path, help="the folder, the CSV file or the zip file")
        parser.add_argument(
            "--async",
            action="store_true",
            dest="in_background",
            help="only store the photos; the workers find the faces",
        )
        parser.add_argument(
            "--consent",
            action="store_true",
            help="record that everybody agreed to the consent text in force, unless a column of the CSV says it",
        )
        parser.add_argument("--threads", type=int, default=2, help="photos in work at once (2)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["threads"] < 1:
            raise Failed("invalid_option", "--threads must be at least 1.")
        understood: list[str] = []
        agreed_at = timezone.now() if options["consent"] else None
        with open_plan(options["path"], agreed_at=agreed_at, tell=understood.append) as (plan, root):
            if not options["json"]:
                self.stdout.writelines(f"{line}\n" for line in understood)
            model_services.start(tell=lambda text: None if options["json"] else self.stdout.write(text))
            report = self._import(plan, options)
            if root not in (options["path"], options["path"].parent):  # of a zip, and gone soon
                report.shorten(root)
        if not options["json"]:
            self._print(report)
        if report.stopped:
            text = "Stopped. The people done so far are in; run it again for the rest."
            raise Failed("interrupted", text, INTERRUPTED, detail=report.as_dict())
        if options["json"]:
            self.print_document(report.as_dict() | {"understood": understood})

    def _import(self, plan: list[PlannedPerson], options: dict[str, Any]) -> Report:
        report = Report()
        photos = sum(len(person.paths) for person in plan)
        with progress(photos, "photo", quiet=options["json"]) as bar, _interruptible() as interrupted:
            try:
                import_people(
                    plan,
                    report=report,
                    in_background=options["in_background"],
                    threads=options["threads"],
                    on_photo=bar.update,
                    stop=interrupted,
                )
            except KeyboardInterrupt:
                report.stopped = True
        return report

    def _print(self, report: Report) -> None:
        for row in report.rejected:
            self.print_row(("rejected", 9), (row["external_id"], 16), (row["path"], 40), (row["message"], 1))
        for external_id in report.without_vector:
            text = "has no usable photo yet, so nobody is recognised as this person"
            self.print_row(("warning", 9), (external_id, 16), (text, 1))
        self.stdout.write(
            f"{report.people} people added. Photos: {report.enrolled} enrolled, {report.enqueued} enqueued, "
            f"{report.skipped} there already, {len(report.rejected)} rejected"
            + (f", {report.in_review} of them to be reviewed in the admin." if report.in_review else ".")
        )


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C is noted, so that the person being written is finished and counted; a second one stops at once."""
    asked = Event()

    def note(signum: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    if current_thread() is not main_thread():  # nobody can interrupt it there
        yield asked.is_set
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
