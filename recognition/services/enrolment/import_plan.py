"""Who is to be imported: a folder with one sub-folder per person, or a CSV of `person_id,name,path`.

A column `consent` of the CSV, which may be lacking, says yes or since when (2026-05-04) the person has agreed.

Only a CSV gives names; the people of a folder are called as their sub-folders are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext

from recognition.services.errors import Invalid
from recognition.services.identities import COLUMNS
from recognition.services.tables import read_table

Tell = Callable[[str], None]

OTHER_NAMES = {"person_id": ("id", "external_id"), "path": ("file", "photo")}
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".heic", ".heif", ".avif", ".tif", ".tiff", ".gif"}


CONSENT = "consent"
YES = {"yes", "y", "true", "1", "x"}
NO = {"", "no", "n", "false", "0"}


@dataclass(slots=True)
class PlannedPerson:
    """from_folder: a folder without photos makes nobody, a row without a path makes a person without photos.

    agreed_at: when the person agreed to the consent text, None where the plan does not say so.
    """

    external_id: str
    name: str
    paths: list[Path] = field(default_factory=list)
    from_folder: bool = False
    agreed_at: datetime | None = None


def read_plan(
    path: Path,
    *,
    agreed_at: datetime | None = None,
    tell: Tell = lambda text: None,
    most: int | None = None,
) -> list[PlannedPerson]:
    """Who is to be imported. tell: gets a sentence on how a CSV was understood.

    agreed_at: when everybody agreed to the consent text, unless a column of the CSV says it. most: rows that a CSV may
    have.

    Raises Invalid when the path is neither a usable folder nor a CSV of those columns."""
    try:
        if path.is_dir():
            plan = list(_plan_folder(path, agreed_at))
        elif path.is_file():
            plan = _plan_csv(path, agreed_at, tell, most)
        else:
            raise Invalid(
                "no_such_path", gettext("There is no folder or CSV file at %(path)s.") % {"path": path}
            )
    except OSError as error:
        raise Invalid(
            "unreadable_path",
            gettext("%(path)s cannot be read: %(problem)s.")
            % {"path": error.filename or path, "problem": error.strerror},
        ) from None
    if not plan:
        raise Invalid(
            "nobody",
            gettext("%(path)s names nobody. It needs one sub-folder of photos per person, or CSV rows.")
            % {"path": path},
        )
    return plan


def _plan_folder(folder: Path, agreed_at: datetime | None) -> Iterator[PlannedPerson]:
    for sub in sorted(folder.iterdir()):
        if sub.is_dir() and not sub.name.startswith("."):
            files = (path for path in sorted(sub.iterdir()) if not path.name.startswith("."))
            photos = [path for path in files if path.suffix.lower() in SUFFIXES and path.is_file()]
            name = sub.name.strip()
            yield PlannedPerson(name, name.replace("_", " "), photos, True, agreed_at)


def _plan_csv(file: Path, everybody_at: datetime | None, tell: Tell, most: int | None) -> list[PlannedPerson]:
    columns = {name: OTHER_NAMES.get(name, ()) for name in COLUMNS}
    table = read_table(file, columns, optional=(CONSENT,), most=most)
    now = timezone.now()
    tell(table.understood)
    plan: dict[str, PlannedPerson] = {}
    named: set[tuple[str, Path]] = set()
    for line, row in table.rows:
        if not row["person_id"]:
            raise Invalid(
                "no_person_id",
                gettext("%(file)s line %(line)s: person_id is empty.") % {"file": file, "line": line},
            )
        person = plan.setdefault(
            row["person_id"], PlannedPerson(row["person_id"], row["name"] or row["person_id"])
        )
        if row["path"] and (one := (row["person_id"], _photo(file.parent, row["path"]))) not in named:
            named.add(one)
            person.paths.append(one[1])
        said = row.get(CONSENT)
        agreed_at = (
            everybody_at
            if said is None
            else _agreed_at(said, now, gettext("%(file)s line %(line)s") % {"file": file, "line": line})
        )
        if agreed_at and (person.agreed_at is None or agreed_at < person.agreed_at):
            person.agreed_at = agreed_at
    return list(plan.values())


def _agreed_at(text: str, now: datetime, where: str) -> datetime | None:
    if text.lower() in NO:
        return None
    if text.lower() in YES:
        return now
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise Invalid(
            "bad_consent",
            gettext("%(where)s: consent is %(text)s. Write yes, no, or a date such as 2026-05-04.")
            % {"where": where, "text": f"{text[:40]!r}"},
        ) from None
    agreed_at = timezone.make_aware(datetime.combine(day, time()))
    if agreed_at > now:
        raise Invalid(
            "bad_consent",
            gettext("%(where)s: the consent of %(text)s is in the future.") % {"where": where, "text": text},
        )
    return agreed_at


def _photo(folder: Path, written: str) -> Path:
    """Where the photo is; a path with backslashes was written on Windows, unless there is such a file."""
    path = folder / written
    return folder / written.replace("\\", "/") if "\\" in written and not path.exists() else path
