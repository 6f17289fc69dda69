"""Importing people in bulk: photos are read and looked at in threads, each person is written in one transaction."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from django.db import IntegrityError, transaction

from recognition.engine.images import MAX_BYTES
from recognition.models import Consent, Embedding, Identity, ModelVersion, Photo
from recognition.services import gallery, identities, queue
from recognition.services.analysis import active_model, follow_choice, get_analyzer, hold_in_use
from recognition.services.enrolment import photos
from recognition.services.enrolment.examination import examine
from recognition.services.enrolment.import_batches import BATCH, BatchReader, Opened, Pending
from recognition.services.enrolment.import_batches import Read as _Read
from recognition.services.enrolment.import_batches import Refused as _Refused
from recognition.services.enrolment.import_batches import missing as _missing
from recognition.services.enrolment.import_batches import or_refused as _or_refused
from recognition.services.enrolment.import_plan import PlannedPerson
from recognition.services.enrolment.import_report import Report
from recognition.services.enrolment.preparing import digest_of, prepare_photo
from recognition.services.errors import Conflict, Invalid, ServiceError
from recognition.services.files import discard_files_of
from recognition.services.gallery import record_change

log = logging.getLogger(__name__)

AHEAD = 8  # photos read ahead of the writer; bounds the memory
AHEAD_IN_BATCHES = 2 * BATCH
REBUILD_AFTER = 100  # enrolled photos; processes catch up with fewer of them faster than they read a file


Work = list[Pending | _Refused]
Submit = Callable[[Path], Pending]
KNOWN = "known"


class _Stopped(Exception):
    """Somebody asked to stop while the person's photos were looked at."""


def import_people(
    plan: Sequence[PlannedPerson],
    *,
    in_background: bool = False,
    threads: int = 2,
    on_photo: Callable[[], None] = lambda: None,
    report: Report | None = None,
    stop: Callable[[], bool] = lambda: False,
    by: str = "import_people",
) -> Report:
    """Create the people and enrol their photos, one transaction per person. Running it again adds nothing.

    in_background: only store the photos here and let the workers find the faces.
    on_photo: called after each photo, for a progress bar.
    report: is filled, person by person, so that whoever interrupts the import knows what is done.
    stop: asked before each person, and again when the person is held; the import ends there when it says so.
    by: who says that people agreed to the consent text.
    Raises EngineError when no photo can be processed at all.
    """
    report = Report() if report is None else report
    version = active_model()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="import")
    owners: dict[str, str] = {}
    try:
        usable = (person for person in plan if _has_usable_name(person, report))
        submit, ahead = _submitter(pool, None if in_background else version)
        for person, work in _read_ahead(usable, submit, owners, ahead):
            if stop():
                report.stopped = True
                break
            done = [_wait(one, on_photo) for one in work]
            try:
                report.add(_import_person(person, done, version, owners, by, stop))
            except _Stopped:
                report.stopped = True
                break
            except ServiceError as error:
                report.refuse(person, error)
    finally:
        pool.shutdown(cancel_futures=True)
    if report.enrolled >= REBUILD_AFTER:
        gallery.rebuild_index()
    return report


def _has_usable_name(person: PlannedPerson, report: Report) -> bool:
    """Asked before anything else: the database takes no query with a text that is none."""
    try:
        identities.refuse_what_is_no_text(external_id=person.external_id, name=person.name)
    except Invalid as error:
        report.refuse(person, error)
        return False
    return True


def _wait(one: Pending | _Refused, on_photo: Callable[[], None]) -> _Read | _Refused:
    done = one if isinstance(one, _Refused) else one.result()
    on_photo()
    return done


def _read_ahead(
    plan: Iterable[PlannedPerson], submit: Submit, owners: dict[str, str], limit: int
) -> Iterator[tuple[PlannedPerson, Work]]:
    """Each person with the photos in work, started early enough to keep the pool busy while rows are written."""
    waiting: deque[tuple[PlannedPerson, Work]] = deque()
    ahead = 0
    for person in plan:
        follow_choice()
        digests = {}
        for photo in Photo.objects.filter(identity__external_id=person.external_id).only("sha256", "state"):
            digests[photo.sha256] = KNOWN
            if photo.state == Photo.State.READY:
                owners.setdefault(photo.sha256, person.external_id)
        work: Work = [_start(path, digests, submit) for path in person.paths]
        waiting.append((person, work))
        ahead += len(work)
        while waiting and ahead > limit:
            ahead -= len(waiting[0][1])
            yield waiting.popleft()
    yield from waiting


def _start(path: Path, digests: dict[str, str], submit: Submit) -> Pending | _Refused:
    """The reading of one photo, or the reason why there is nothing to read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return _Refused(path, "too_large")
        digest = digest_of(path.read_bytes())
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        return _missing(path, error)
    if digest in digests:
        return _Refused(path, digests[digest])
    digests[digest] = "duplicate"
    # The thread reads the file again (it is in the page cache) so that a long queue holds no pictures.
    return submit(path)


def _submitter(pool: ThreadPoolExecutor, version: ModelVersion | None) -> tuple[Submit, int]:
    """What starts the work on a photo, and how many to start ahead. version: as for `_read`."""
    if version is None or not get_analyzer().batches:
        return lambda path: pool.submit(_read, path, version), AHEAD
    reader = BatchReader(pool, version, opens=_open, alone=lambda path: _read(path, version))
    return reader.submit, AHEAD_IN_BATCHES


def _read(path: Path, version: ModelVersion | None) -> _Read | _Refused:
    """version: whose model is to find the face and make its vector, None to leave that to the workers."""

    def read() -> _Read:
        prepared, image = prepare_photo(path.read_bytes(), path.name)
        return _Read(path, prepared, examine(image, version=version) if version else None)

    return _or_refused(path, read)


def _open(path: Path) -> Opened | _Refused:
    return _or_refused(path, lambda: prepare_photo(path.read_bytes(), path.name))


def _import_person(
    person: PlannedPerson,
    work: Sequence[_Read | _Refused],
    version: ModelVersion,
    owners: dict[str, str],
    by: str,
    stop: Callable[[], bool],
) -> Report:
    """Write one person whole or not at all. owners: digest of an enrolled photo -> whose it is in this import.

    Raises _Stopped. Whoever erases the person asks to stop in the transaction that takes the row, so that it is seen
    here once the row is gone.
    """
    report = Report()
    waiting: list[int] = []
    with transaction.atomic():
        # Another model may be in use since a moment ago; then workers look at the photos with that.
        if not hold_in_use(version):
            work = [replace(one, finding=None) if isinstance(one, _Read) else one for one in work]
        identity = (
            Identity.objects.select_for_update(no_key=True).filter(external_id=person.external_id).first()
        )
        if stop():
            raise _Stopped
        readable = [one for one in work if isinstance(one, _Read)]
        if not work and person.from_folder:
            report.reject(person, None, "no_photos", "The folder holds no photos.")
        elif identity is None and (readable or not work):
            identity, report.people = _create(person)
        if identity is not None:
            record_imported_consent(identity, person.agreed_at, by=by)
            if readable:
                identities.demand_consent(identity)
        for one in work:
            if isinstance(one, _Refused):
                if one.reason == KNOWN:
                    report.skip(person, one.path)
                else:
                    report.reject(person, one.path, one.reason, one.message)
            elif identity is not None:
                photo = _import_photo(identity, person, one, report, version, owners)
                if photo is not None and photo.state == Photo.State.WAITING:
                    waiting.append(photo.pk)
        if identity is None:
            return report
        if waiting:
            queue.enqueue(queue.PROCESS_PHOTOS, waiting)
        if report.enrolled:
            record_change(identity.pk)
        elif not waiting and not Embedding.objects.filter(identity=identity).exists():
            report.without_vector.append(person.external_id)
    return report


def record_imported_consent(identity: Identity, agreed_at: datetime | None, *, by: str) -> None:
    """Who has agreed already keeps that; who withdrew has to agree again in person."""
    if agreed_at and not identity.withdrawn_at and identities.consent_of(identity) is None:
        identities.give_consent(identity, way=Consent.Way.IMPORT, by=by, given_at=agreed_at)


def _create(person: PlannedPerson) -> tuple[Identity, int]:
    """The new person and how many were added: none when another import was faster."""
    try:
        return identities.create_identity(name=person.name, external_id=person.external_id), 1
    except Conflict:
        return identities.get_identity(person.external_id), 0


def _import_photo(
    identity: Identity,
    person: PlannedPerson,
    read: _Read,
    report: Report,
    version: ModelVersion,
    owners: dict[str, str],
) -> Photo | None:
    """The row of the photo, or None when it is not kept; ``report`` is told what became of it."""
    finding = read.finding
    enrols = finding is not None and finding.vector is not None
    owner = owners.setdefault(read.prepared.sha256, person.external_id) if enrols else person.external_id
    if owner != person.external_id:
        message = f"This very file is enrolled for {owner}. It can show only one of the two."
        report.reject(person, read.path, "other_person", message)
        return None
    photo = read.prepared.as_row(identity)
    try:
        with transaction.atomic():
            if finding is None:
                photo.save()
            else:
                photos.save_finding(photo, finding, version)
    except IntegrityError:  # somebody else was faster with this very photo
        discard_files_of(photo)
        report.skip(person, read.path)
        return None
    if finding is None:
        report.enqueued += 1
    elif photo.state == Photo.State.READY:
        report.enrolled += 1
    else:
        report.reject(person, read.path, photo.reason)
        report.in_review += photo.state == Photo.State.REVIEW
    report.kept.append((person.external_id, read.path, photo.pk))
    return photo
