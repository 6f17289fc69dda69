"""Importing people in bulk: a folder with one sub-folder per person, or a CSV of `person_id,name,path`."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction

from recognition.engine.images import MAX_BYTES
from recognition.engine.types import REASONS
from recognition.models import Identity, ModelVersion, Photo
from recognition.services import people, photos
from recognition.services.errors import Invalid, ServiceError
from recognition.services.live_gallery import record_change
from recognition.services.policies import active_model

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".heic", ".heif", ".tif", ".tiff", ".gif"}
COLUMNS = ("person_id", "name", "path")
AHEAD = 8  # photos read ahead of the writer; bounds the memory


@dataclass(slots=True)
class PlannedPerson:
    external_id: str
    name: str
    paths: list[Path] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """What became of each photo: enrolled, enqueued, skipped (there already) or rejected with the reason."""

    people: int = 0
    enrolled: int = 0
    enqueued: int = 0
    skipped: int = 0
    rejected: list[dict[str, str]] = field(default_factory=list)

    def reject(self, person: PlannedPerson, path: Path | str, reason: str, message: str = "") -> None:
        text = message or REASONS.get(reason, reason)
        self.rejected.append(
            {"external_id": person.external_id, "path": str(path), "reason": reason, "message": text}
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "people": self.people,
            "enrolled": self.enrolled,
            "enqueued": self.enqueued,
            "skipped": self.skipped,
            "rejected": self.rejected,
            "reasons": dict(Counter(row["reason"] for row in self.rejected)),
        }


def read_plan(path: Path) -> list[PlannedPerson]:
    """Who is to be imported. Raises Invalid when the path is neither a usable folder nor a CSV of those columns."""
    if path.is_dir():
        plan = _plan_folder(path)
    elif path.is_file():
        plan = _plan_csv(path)
    else:
        raise Invalid("no_such_path", f"There is no folder or CSV file at {path}.")
    if not plan:
        raise Invalid("nobody", f"{path} names nobody. It needs one sub-folder of photos per person, or CSV rows.")
    return plan


def _plan_folder(folder: Path) -> list[PlannedPerson]:
    plan = []
    for sub in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        files = sorted(p for p in sub.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
        plan.append(PlannedPerson(sub.name, sub.name.replace("_", " "), files))
    return plan


def _plan_csv(file: Path) -> list[PlannedPerson]:
    plan: dict[str, PlannedPerson] = {}
    try:
        with file.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
            if missing:
                raise Invalid("wrong_columns", f"{file} lacks the columns {', '.join(missing)}.")
            for row in reader:
                person_id, name, path = ((row[column] or "").strip() for column in COLUMNS)
                if not person_id:
                    raise Invalid("no_person_id", f"{file} line {reader.line_num}: person_id is empty.")
                person = plan.setdefault(person_id, PlannedPerson(person_id, name or person_id))
                if path and file.parent / path not in person.paths:
                    person.paths.append(file.parent / path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise Invalid("not_csv", f"{file} is not a CSV file in UTF-8: {error}") from None
    return list(plan.values())


def import_people(
    plan: Sequence[PlannedPerson],
    *,
    in_background: bool = False,
    threads: int = 2,
    on_photo: Callable[[], None] = lambda: None,
) -> Report:
    """Create the people and enrol their photos, one transaction per person. Running it again adds nothing.

    in_background: only store the photos here and let the workers find the faces.
    on_photo: called after each photo, for a progress bar.
    """
    report = Report()
    version = active_model()
    with ThreadPoolExecutor(threads, thread_name_prefix="import") as pool:
        for person, work in _read_ahead(plan, pool, in_background):
            _import_person(person, work, report, version, in_background, on_photo)
    return report


Work = list[tuple[Path, "Future[_Read] | str"]]


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    prepared: photos.PreparedPhoto
    finding: photos.Finding | None


def _read_ahead(
    plan: Sequence[PlannedPerson], pool: ThreadPoolExecutor, in_background: bool
) -> Iterator[tuple[PlannedPerson, Work]]:
    """Each person with the futures of the photos, started early enough to keep the pool busy while rows are written."""
    waiting: deque[tuple[PlannedPerson, Work]] = deque()
    ahead = 0
    for person in plan:
        known = set(
            Photo.objects.filter(identity__external_id=person.external_id).values_list("sha256", flat=True)
        )
        work: Work = []
        for path in person.paths:
            work.append((path, _start(path, known, pool, in_background)))
        waiting.append((person, work))
        ahead += len(work)
        while waiting and ahead > AHEAD:
            ahead -= len(waiting[0][1])
            yield waiting.popleft()
    yield from waiting


def _start(path: Path, known: set[str], pool: ThreadPoolExecutor, in_background: bool) -> Future[_Read] | str:
    """The reading of one photo, or the reason why there is nothing to read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return "too_large"
        digest = photos.digest_of(path.read_bytes())
    except OSError as error:
        return f"missing: {error.strerror}"
    if digest in known:
        return "known"
    known.add(digest)
    # The worker reads the file again (it is in the page cache) so that a long queue holds no pictures.
    return pool.submit(_read, path, in_background)


def _read(path: Path, in_background: bool) -> _Read:
    prepared, image = photos.prepare_photo(path.read_bytes(), path.name)
    return _Read(prepared, None if in_background else photos.examine(image))


def _import_person(
    person: PlannedPerson,
    work: Work,
    report: Report,
    version: ModelVersion,
    in_background: bool,
    on_photo: Callable[[], None],
) -> None:
    try:
        with transaction.atomic():
            identity = Identity.objects.filter(external_id=person.external_id).first()
            if identity is None:
                identity = people.create_identity(name=person.name, external_id=person.external_id)
                report.people += 1
            rows = []
            enrolled = 0
            for path, read in work:
                photo = _import_photo(identity, person, path, read, report, version)
                on_photo()
                if photo is None:
                    continue
                rows.append(photo)
                enrolled += photo.state == Photo.State.READY
            if enrolled:
                record_change(identity.pk)
            waiting = [photo.pk for photo in rows if photo.state == Photo.State.WAITING]
            if waiting:
                photos.queue.enqueue(photos.queue.PROCESS_PHOTOS, waiting)
        report.enrolled += enrolled
        report.enqueued += len(waiting)
    except ServiceError as error:
        for path, _ in work or [(Path(person.external_id), "")]:
            report.reject(person, path, error.code, str(error))


def _import_photo(
    identity: Identity,
    person: PlannedPerson,
    path: Path,
    read: Future[_Read] | str,
    report: Report,
    version: ModelVersion,
) -> Photo | None:
    if isinstance(read, str):
        if read == "known":
            report.skipped += 1
        else:
            code, _, detail = read.partition(": ")
            report.reject(person, path, code, f"The file cannot be read: {detail}." if detail else "")
        return None
    try:
        result = read.result()
    except Invalid as error:
        report.reject(person, path, error.code, str(error))
        return None
    except OSError as error:
        report.reject(person, path, "missing", f"The file cannot be read: {error.strerror}.")
        return None
    photo = result.prepared.as_row(identity)
    if result.finding is None:
        photo.save()
    else:
        photos.save_finding(photo, result.finding, version)
        if result.finding.vector is None:
            report.reject(person, path, result.finding.reason)
    return photo
