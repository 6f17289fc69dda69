"""Who is to be imported: a folder with one sub-folder per person, or a CSV of `person_id,name,path`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from recognition.services.errors import Invalid
from recognition.services.identities import COLUMNS

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".heic", ".heif", ".avif", ".tif", ".tiff", ".gif"}


@dataclass(slots=True)
class PlannedPerson:
    """from_folder: a folder without photos makes nobody, a row without a path makes a person without photos."""

    external_id: str
    name: str
    paths: list[Path] = field(default_factory=list)
    from_folder: bool = False


def read_plan(path: Path) -> list[PlannedPerson]:
    """Who is to be imported. Raises Invalid when the path is neither a usable folder nor a CSV of those columns."""
    try:
        if path.is_dir():
            plan = list(_plan_folder(path))
        elif path.is_file():
            plan = _plan_csv(path)
        else:
            raise Invalid("no_such_path", f"There is no folder or CSV file at {path}.")
    except OSError as error:
        raise Invalid(
            "unreadable_path", f"{error.filename or path} cannot be read: {error.strerror}."
        ) from None
    if not plan:
        raise Invalid(
            "nobody", f"{path} names nobody. It needs one sub-folder of photos per person, or CSV rows."
        )
    return plan


def _plan_folder(folder: Path) -> Iterator[PlannedPerson]:
    for sub in sorted(folder.iterdir()):
        if sub.is_dir() and not sub.name.startswith("."):
            files = (path for path in sorted(sub.iterdir()) if not path.name.startswith("."))
            photos = [path for path in files if path.suffix.lower() in SUFFIXES and path.is_file()]
            name = sub.name.strip()
            yield PlannedPerson(name, name.replace("_", " "), photos, from_folder=True)


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
        raise Invalid("not_csv", f"{file} is not a CSV file in UTF-8: {error}.") from None
    return list(plan.values())
