"""The worker's part of an import that a program handed in, and what became of each of its rows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from django.db import transaction

from recognition.models import Identity, Import, ImportRow, Photo
from recognition.services import audit, jobs
from recognition.services.enrolment import import_store as store
from recognition.services.enrolment.import_archive import open_plan
from recognition.services.enrolment.import_folders import open_folder
from recognition.services.enrolment.import_report import Report
from recognition.services.enrolment.importing import import_people
from recognition.services.enrolment.imports import AT_ONCE, as_text, below, bounds
from recognition.services.errors import Conflict

THREADS = 2
Result = ImportRow.Result
Place = tuple[str, str]  # ID of the person, path


def run_import(import_id: int) -> None:
    """Do one that waits. The photos are stored here; their faces are found as those of any photo handed in."""
    jobs.work(Import, import_id, _run)


def _run(job: Import, progress: Callable[[float], None]) -> dict[str, Any]:
    if job.api_key is None or job.api_key.revoked_at:
        raise Conflict("key_revoked", "The key that handed it in was revoked. Hand it in again with another.")
    kiosk = job.api_key.name
    audit.acting_as(who=f"kiosk {kiosk}", key=job.api_key_id, way="key")
    report, done = Report(), count(1)
    with open_folder() as folder:
        path = folder / "people.zip"
        store.write(job, path)
        with open_plan(path, bounds=bounds(), agreed_at=job.agreed_at) as (plan, root):
            photos = sum(len(person.paths) for person in plan) or 1
            try:
                import_people(
                    plan,
                    in_background=True,
                    threads=THREADS,
                    report=report,
                    on_photo=lambda: progress(next(done) / photos),
                    stop=lambda: not Import.objects.filter(pk=job.pk, stop_wished=False).exists(),
                    by=kiosk,
                )
            finally:
                report.shorten(root)
                with transaction.atomic():
                    _note(job, _what_became(report, root))
    store.drop([job.pk])
    return {"report": {"people": report.people, "stopped": report.stopped}}


def _what_became(report: Report, root: Path) -> dict[Place, dict[str, Any]]:
    """Columns of the row of each place that the import came to."""
    became: dict[Place, dict[str, Any]] = {}
    for row in report.rejected:
        became[_place(row["external_id"], row["path"])] = {
            "result": Result.MISSING if row["reason"] == "missing" else Result.REFUSED,
            "reason": row["reason"],
            "message": as_text(row["message"], 500),
        }
    for external_id, photo in report.known:
        became[_place(external_id, below(root, photo))] = {"result": Result.KNOWN}
    for external_id, photo, number in report.kept:
        became[_place(external_id, below(root, photo))] = {"result": Result.TAKEN, "photo_id": number}
    return became


def _place(external_id: str, path: str) -> Place:
    return as_text(external_id, 255), as_text(path, 1000)


def _note(job: Import, became: dict[Place, dict[str, Any]]) -> None:
    """Rows that were not reached stay as they were planned. Called in a transaction; the people are held before their
    rows, as by whoever erases them."""
    rows = list(job.rows.exclude(result=Result.UNUSED))
    named = Identity.objects.filter(external_id__in={row.external_id for row in rows}).order_by("pk")
    people = dict(named.select_for_update(no_key=True).values_list("external_id", "pk"))
    numbers = {columns["photo_id"] for columns in became.values() if "photo_id" in columns}
    gone = numbers - set(Photo.objects.filter(pk__in=numbers).values_list("pk", flat=True))
    for row in rows:
        row.identity_id = people.get(row.external_id, row.identity_id)
        columns = became.get((row.external_id, row.path), {})
        if not row.path and row.identity_id and not columns:
            columns = {"result": Result.KNOWN if row.known else Result.TAKEN}
        for name, value in columns.items():
            setattr(row, name, None if name == "photo_id" and value in gone else value)
    fields = ["identity", "result", "reason", "message", "photo"]
    ImportRow.objects.bulk_update(rows, fields, AT_ONCE)
