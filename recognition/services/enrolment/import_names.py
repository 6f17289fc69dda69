"""Who is to be imported, by the names of files that somebody else has: a browser, which sends the photos afterwards.

A name is never used as a path here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from django.db import transaction
from django.utils.translation import gettext

from recognition.models import Identity, Photo
from recognition.services import identities
from recognition.services.enrolment.import_folders import open_folder
from recognition.services.enrolment.import_plan import SUFFIXES, PlannedPerson, Tell, read_plan
from recognition.services.enrolment.importing import record_imported_consent
from recognition.services.errors import Invalid, NotFound
from recognition.services.tables import MOST_BYTES
from recognition.services.wording import whole

MOST_NAMES = 20_000
LONGEST = 1_000  # characters of a name with its folders
TABLE = "people.csv"  # what the table is called while it is read


@dataclass(slots=True)
class NamedPlan:
    """people: their `paths` are among the names. missing: what the table names and is not there. unused: the rest."""

    people: list[PlannedPerson] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


def plan_of_names(
    names: Sequence[str],
    table: bytes | None = None,
    *,
    beside: str = "",
    agreed_at: datetime | None = None,
    tell: Tell = lambda text: None,
) -> NamedPlan:
    """As `read_plan` understands a folder or a CSV. names: of files, with slashes between folders.

    table: the CSV. beside: its folder among the names. agreed_at, tell: as for `read_plan`.
    Raises Invalid when there are too many names or nobody is found.
    """
    if len(names) > MOST_NAMES:
        raise Invalid(
            "too_many",
            gettext("These are %(number)s files. Hand in at most %(most)s at a time.")
            % {"number": whole(len(names)), "most": whole(MOST_NAMES)},
        )
    if any(len(name) > LONGEST or "\x00" in name for name in names):
        raise Invalid("bad_name", gettext("A file has a name that cannot be used. Give it another one."))
    plan = _by_folder(names, agreed_at) if table is None else _by_table(names, table, beside, agreed_at, tell)
    if not plan.people:
        raise Invalid(
            "nobody",
            gettext("Nobody is named here. Use one folder of photos per person, or a CSV with the photos."),
        )
    return plan


def known_people(external_ids: Sequence[str]) -> set[str]:
    """Which of these are enrolled already."""
    found = Identity.objects.filter(external_id__in=external_ids)
    return set(found.values_list("external_id", flat=True))


def begin_person(
    *, external_id: str, name: str, agreed_at: datetime | None = None, by: str = ""
) -> tuple[Identity, set[str]]:
    """The person of this ID, made when needed, and the digests (SHA-256) of the files that are there already.

    agreed_at: when the person agreed to the consent text. by: who says so. Raises Invalid for a name or ID that cannot
    be used.
    """
    identities.refuse_what_is_no_text(external_id=external_id, name=name)
    with transaction.atomic():
        try:
            identity = identities.get_identity(external_id)
        except NotFound:
            identity = identities.create_identity(name=name, external_id=external_id)
        record_imported_consent(identity, agreed_at, by=by)
    return identity, set(Photo.objects.filter(identity=identity).values_list("sha256", flat=True))


def _by_folder(names: Sequence[str], agreed_at: datetime | None) -> NamedPlan:
    """One folder a person, below a folder around all of them or not."""
    plan = NamedPlan()
    people: dict[str, PlannedPerson] = {}
    visible = {name: parts for name in names if (parts := _parts(name)) and not _is_hidden(parts)}
    while (
        visible and max(map(len, visible.values())) > 2 and len({parts[0] for parts in visible.values()}) == 1
    ):
        visible = {name: parts[1:] for name, parts in visible.items()}
    for name, parts in sorted(visible.items()):
        if len(parts) != 2 or not _is_photo(name):
            plan.unused.append(name)
            continue
        folder = parts[0].strip()
        person = people.setdefault(
            folder, PlannedPerson(folder, folder.replace("_", " "), from_folder=True, agreed_at=agreed_at)
        )
        person.paths.append(Path(name))
    plan.people = list(people.values())
    return plan


def _by_table(
    names: Sequence[str], table: bytes, beside: str, agreed_at: datetime | None, tell: Tell
) -> NamedPlan:
    if len(table) > MOST_BYTES:
        raise Invalid(
            "too_large",
            gettext("The CSV has more than %(megabytes)s MB. Divide it.")
            % {"megabytes": MOST_BYTES // 1_000_000},
        )
    with open_folder() as folder:
        file = folder / TABLE
        file.write_bytes(table)
        try:
            people = read_plan(file, agreed_at=agreed_at, tell=tell)
        except Invalid as error:
            raise Invalid(error.code, str(error).replace(f"{folder}/{TABLE}", gettext("The CSV"))) from None
        root = f"{folder}/"
    plan = NamedPlan(people)
    there = {_plain(name): name for name in names}
    used: set[str] = set()
    for person in people:
        wanted = [str(path).removeprefix(root) for path in person.paths]
        found = {one: there.get(_plain(posixpath.join(beside, one))) for one in wanted}
        plan.missing += [one for one, name in found.items() if name is None]
        person.paths = [Path(name) for name in found.values() if name is not None]
        used.update(map(str, person.paths))
    plan.unused = sorted(
        name for name in names if name not in used and _is_photo(name) and not _is_hidden(_parts(name))
    )
    return plan


def _plain(name: str) -> str:
    """One way to write a name, of which systems have several: with folders, and letters with their accents."""
    return normalize("NFC", posixpath.normpath(name.replace("\\", "/")))


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name).parts


def _is_hidden(parts: Sequence[str]) -> bool:
    """What systems leave beside the files."""
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def _is_photo(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES
