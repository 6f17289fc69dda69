"""Imports that programs hand in: kept, looked at, started, given up. `import_runs` does them."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from recognition.models import ApiKey, Import, ImportRow, Photo
from recognition.services import audit, queue
from recognition.services.clock import before
from recognition.services.enrolment import import_store as store
from recognition.services.enrolment.import_archive import DAMAGED, Bounds, open_archive, open_plan
from recognition.services.enrolment.import_folders import open_folder
from recognition.services.enrolment.import_names import MOST_NAMES, known_people
from recognition.services.enrolment.import_plan import SUFFIXES, PlannedPerson
from recognition.services.errors import Conflict, Invalid, NotFound

MOST_UNFINISHED = 5  # on a site; each may hold MAX_IMPORT_BYTES
ROOM_LOCK = 7_261_006
UNSTARTED = timedelta(days=1)  # then it goes
MOST_TABLE_BYTES = 4 << 20  # some 200 for each of as many photos as there may be
TABLE = "people.csv"  # what a table is called that was not handed in with the zip
AT_ONCE = 500  # rows of a statement
Stage = Import.Stage
Result = ImportRow.Result


def bounds() -> Bounds:
    """Photos hardly get smaller in a zip: what unpacks to much more than it may have is none of photos."""
    return Bounds(
        MOST_NAMES,
        unpacked_bytes=2 * settings.MAX_IMPORT_BYTES,
        table_bytes=MOST_TABLE_BYTES,
        rows=MOST_NAMES,
    )


# --- Handing in ----------------------------------------------------------------------------------------------


def handed_in_before(*, api_key: ApiKey, idempotency_key: str) -> Import | None:
    """The import that this kiosk handed in under the same key."""
    if not idempotency_key:
        return None
    return Import.objects.filter(api_key=api_key, idempotency_key=idempotency_key).first()


def demand_room() -> None:
    """Raises Conflict where too many wait: what is handed in has to be kept."""
    if _unfinished().count() >= MOST_UNFINISHED:
        raise Conflict(
            "too_many_imports",
            f"{MOST_UNFINISHED} imports are not done yet. Start or give up those before, or wait.",
        )


def _unfinished() -> QuerySet[Import]:
    return Import.objects.exclude(state=Stage.DONE).exclude(state=Stage.FAILED, parts=None).distinct()


def prepare_import(
    *,
    archive: IO[bytes] | None,
    table: IO[bytes] | None = None,
    filename: str = "",
    everybody_agreed: bool = False,
    api_key: ApiKey,
    idempotency_key: str = "",
) -> Import:
    """Keep what was handed in and say who is meant; nobody is enrolled before `start_import`.

    archive: a zip as `manage.py import_people` takes it. table: its CSV where it is not in the zip, paths as in there.
    everybody_agreed: to the consent text in force, unless a column of the CSV says it.
    Raises Invalid for what cannot be imported, Conflict as `demand_room`.
    """
    demand_room()
    now = timezone.now()
    agreed_at = now if everybody_agreed else None
    understood: list[str] = []
    with open_folder() as folder:
        path = folder / "people.zip"
        _put_together(path, archive, table)
        with open_plan(
            path, bounds=bounds(), hollow=True, agreed_at=agreed_at, tell=understood.append
        ) as plan:
            rows = list(islice(_rows(*plan), MOST_NAMES + 1))
        if len(rows) > MOST_NAMES:
            raise Invalid(
                "too_many", f"These are more than {MOST_NAMES:,} photos and people. Hand in fewer at a time."
            )
        job = Import(
            api_key=api_key,
            idempotency_key=idempotency_key,
            filename=as_text(filename, 255),
            understood=as_text(" ".join(understood), 1000),
            agreed_at=agreed_at,
        )
        with transaction.atomic(), path.open("rb") as file:
            _one_at_a_time()
            former = handed_in_before(api_key=api_key, idempotency_key=idempotency_key)
            if former is not None:
                return former
            demand_room()
            job.save()
            store.keep(job, file)
            for number, row in enumerate(rows):
                row.job, row.number = job, number
            ImportRow.objects.bulk_create(rows, AT_ONCE)
            audit.record("import.added", kind="import", number=job.pk, rows=len(rows))
    job.refresh_from_db()
    return job


def _one_at_a_time() -> None:
    """Until the transaction ends, so that several that come at once are counted one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ROOM_LOCK])


def _put_together(path: Path, archive: IO[bytes] | None, table: IO[bytes] | None) -> None:
    """One zip of both."""
    if archive is not None:
        with path.open("xb") as file:
            shutil.copyfileobj(archive, file)
        if not zipfile.is_zipfile(path):
            raise Invalid("bad_archive", "This is no zip file. Put the folders of photos into one.")
    if table is not None:
        try:
            if archive is not None:
                with open_archive(path, bounds()) as whole:
                    if TABLE in whole.namelist():
                        raise Invalid(
                            "several_tables", f"The zip file holds {TABLE} already. Send one table."
                        )
            with zipfile.ZipFile(path, "a") as whole:
                whole.writestr(TABLE, table.read(MOST_TABLE_BYTES + 1))
        except DAMAGED as error:
            raise Invalid("bad_archive", f"The zip file is damaged or locked: {error}.") from None


def _rows(plan: Sequence[PlannedPerson], root: Path) -> Iterator[ImportRow]:
    """A row for each photo, or for a person without one; then the photos that nobody named."""
    known = known_people([as_text(person.external_id, 255) for person in plan])
    used = set()
    for person in plan:
        external_id = as_text(person.external_id, 255)
        photos: list[Path | None] = [*person.paths]
        for photo in photos or [None]:
            used.add(photo)
            there = photo is None or ("\x00" not in str(photo) and photo.is_file())
            yield ImportRow(
                external_id=external_id,
                name=as_text(person.name, 255),
                known=external_id in known,
                agreed_at=person.agreed_at,
                path=below(root, photo),
                result=Result.PLANNED if there else Result.MISSING,
            )
    for photo in sorted(root.rglob("*")):
        if photo not in used and photo.suffix.lower() in SUFFIXES and photo.is_file():
            yield ImportRow(path=below(root, photo), result=Result.UNUSED)


def below(root: Path, photo: Path | None) -> str:
    return "" if photo is None else as_text(str(photo).removeprefix(f"{root}/"), 1000)


def as_text(text: str, longest: int) -> str:
    """As the database takes it: names in a zip may be no text."""
    return text.encode(errors="replace").decode().replace("\x00", "")[:longest]


# --- Looking, starting, giving up ----------------------------------------------------------------------------


def get_import(import_id: int, *, api_key: ApiKey, all_of_them: bool) -> Import:
    """all_of_them: also what others handed in. Raises NotFound."""
    mine = Q() if all_of_them else Q(api_key=api_key)
    found = Import.objects.select_related("api_key").filter(mine, pk=import_id).first()
    if found is None:
        raise NotFound("unknown_import", f"There is no import with the number {import_id}.")
    return found


@dataclass(frozen=True, slots=True)
class Counts:
    """results: rows of each result. photos: those taken, by their state now. new_people: not enrolled before."""

    people: int
    new_people: int
    results: dict[str, int]
    photos: dict[str, int]


def counts_of(job: Import) -> Counts:
    rows = job.rows.order_by()
    named = rows.exclude(external_id="").aggregate(
        people=Count("external_id", distinct=True),
        new_people=Count("external_id", distinct=True, filter=Q(known=False)),
    )
    taken = rows.exclude(photo=None).values_list("photo__state").annotate(Count("pk"))
    return Counts(
        **named,
        results=dict.fromkeys(Result.values, 0) | dict(rows.values_list("result").annotate(Count("pk"))),
        photos=dict.fromkeys(Photo.State.values, 0) | dict(taken),
    )


def start_import(job: Import) -> None:
    """Hand it to a worker; one that was started is left as it is. Raises Conflict when nothing is left to import."""
    with transaction.atomic():
        waiting = Import.objects.filter(pk=job.pk, state__in=[Stage.PREPARED, Stage.FAILED])
        if waiting.exists() and not store.is_kept(job):
            raise Conflict("not_kept", "What was handed in is not kept any more. Hand it in again.")
        begun = waiting.update(
            state=Stage.WAITING, message="", progress=0, stop_wished=False, updated_at=timezone.now()
        )
        if begun:
            audit.record("import.started", kind="import", number=job.pk)
            queue.enqueue(queue.IMPORT, job.pk)
    job.refresh_from_db()


def give_up_import(job: Import) -> None:
    """Forget it with all that was handed in. One that runs ends before the next person; whoever is in stays in."""
    with transaction.atomic():
        held = Import.objects.select_for_update().filter(pk=job.pk)
        state = held.values_list("state", flat=True).first()
        if state is None:
            return
        if state == Stage.RUNNING:
            held.update(stop_wished=True)
            audit.record("import.stopped", kind="import", number=job.pk)
            return
        audit.record("import.removed", kind="import", number=job.pk)
        _remove([job.pk])


def imports_before(limit: datetime) -> QuerySet[Import]:
    """Not heard of since, and those that nobody has started for a day."""
    unstarted = Q(state__in=[Stage.PREPARED, Stage.FAILED]) & before("updated_at", timezone.now() - UNSTARTED)
    over = Import.objects.exclude(state__in=[Stage.WAITING, Stage.RUNNING])
    return over.filter(before("updated_at", limit) | unstarted)


def drop_imports(limit: datetime) -> int:
    """Returns how many. People and photos stay."""
    with transaction.atomic():
        return _remove(list(imports_before(limit).select_for_update().values_list("pk", flat=True)))


def _remove(job_ids: list[int]) -> int:
    with transaction.atomic():
        store.drop(job_ids)
        Import.objects.filter(pk__in=job_ids).delete()
    return len(job_ids)
