"""Zip files of an import: unpacked into a folder of their own, within bounds, and nowhere else."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from recognition.engine.images import MAX_BYTES
from recognition.services.enrolment.import_folders import open_folder
from recognition.services.enrolment.import_plan import SUFFIXES, PlannedPerson, read_plan
from recognition.services.errors import Invalid

TABLE = ".csv"
PIECE = 1 << 20  # bytes copied at a time
PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # the others unpack whole whatever is asked for
DEEPEST = 20  # folders and the name
LONGEST = 1_000  # characters of a name with its folders
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one archive. entries: in its list, photos or not. unpacked_bytes: of all that is written. table_bytes: of its
    CSV, which is read into memory."""

    entries: int = 100_000
    unpacked_bytes: int = 32 << 30
    table_bytes: int = MAX_BYTES


BOUNDS = Bounds()


@contextmanager
def open_plan(
    path: Path, *, bounds: Bounds = BOUNDS, hollow: bool = False, **how: Any
) -> Iterator[tuple[list[PlannedPerson], Path]]:
    """Who is to be imported from a folder, a CSV or a zip of either, and below which folder the photos are.

    A zip is unpacked for as long as the context lasts. hollow: its photos are empty files, for who only wants to know
    who is meant. how: as for `read_plan`.
    Raises Invalid when nothing can be made of it, and for a zip that is damaged, locked, too large or reaches out of
    its folder; nothing of that is used.
    """
    if not (path.is_file() and zipfile.is_zipfile(path)):
        yield read_plan(path, **how), path if path.is_dir() else path.parent
        return
    with open_folder() as folder:
        try:
            plan, root = _read(path, folder, bounds, hollow, how)
        except Invalid as error:  # in words of the archive, not of the folder
            text = str(error).replace(f"{folder}/", "").replace(str(folder), path.name)
            raise Invalid(error.code, text) from None
        yield plan, root


def _read(
    path: Path, folder: Path, bounds: Bounds, hollow: bool, how: dict[str, Any]
) -> tuple[list[PlannedPerson], Path]:
    _unpack(path, folder, bounds, hollow)
    root = _root_of(folder)
    plan = read_plan(root, **how)
    for person in plan:
        for photo in person.paths:
            if "\x00" not in str(photo) and not photo.resolve().is_relative_to(folder):
                raise _unsafe(f"Its table names a file outside of it for {person.external_id}")
    return plan, root if root.is_dir() else root.parent


def _unpack(path: Path, folder: Path, bounds: Bounds, hollow: bool) -> None:
    left = bounds.unpacked_bytes
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > bounds.entries:
                raise _too_large(f"{len(entries):,} entries, and at most {bounds.entries:,} are taken")
            for entry in entries:
                _check(entry)
            for entry in filter(_is_wanted, entries):
                written = _write(archive, entry, folder / entry.filename, left, hollow)
                if written > bounds.table_bytes and PurePosixPath(entry.filename).suffix.lower() == TABLE:
                    raise _too_large(
                        f"its table {entry.filename} has more than {bounds.table_bytes >> 20} MB"
                    )
                left -= written
                if left < 0:
                    raise _too_large(f"more than {bounds.unpacked_bytes >> 20:,} MB unpacked")
    except DAMAGED as error:
        raise Invalid("bad_archive", f"The zip file is damaged or locked: {error}.") from None


def _check(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or "\\" in name:
        raise _unsafe("It holds a file that would be written outside of its folder")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise _unsafe("It holds a link")
    if len(name) > LONGEST or len(place.parts) > DEEPEST:
        raise _unsafe(f"It holds a name of more than {LONGEST:,} characters or {DEEPEST} folders")
    if entry.flag_bits & 1:
        raise Invalid("bad_archive", "The zip file is locked with a password. Make one without.")
    if entry.compress_type not in PACKED:
        raise Invalid(
            "bad_archive",
            "The zip file is compressed in a way that is not taken. Make one with the ordinary way (deflate).",
        )


def _is_wanted(entry: zipfile.ZipInfo) -> bool:
    """Photos and tables; not what systems leave beside them (`__MACOSX`, `.DS_Store`)."""
    place = PurePosixPath(entry.filename)
    hidden = any(part.startswith((".", "__MACOSX")) for part in place.parts)
    return not entry.is_dir() and not hidden and place.suffix.lower() in {*SUFFIXES, TABLE}


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, left: int, hollow: bool) -> int:
    """Bytes written: never more than one over what a photo may have, so that the import says that it is too large.

    hollow: none of a photo; those that it says it has are counted."""
    most = min(MAX_BYTES, left) + 1
    if hollow and path.suffix.lower() != TABLE:
        said, most = min(entry.file_size, most), 0
    else:
        said = 0
    written = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, path.open("xb") as target:
            while written < most and (piece := source.read(min(PIECE, most - written))):
                written += target.write(piece)
    except FileExistsError:
        raise Invalid("bad_archive", f"The zip file holds {entry.filename} twice.") from None
    except OSError as error:
        raise Invalid("bad_archive", f"{entry.filename} cannot be unpacked: {error.strerror}.") from None
    return written + said


def _root_of(folder: Path) -> Path:
    """The table where there is one, else the folder of people; a folder around all of it does not count."""
    while True:
        inside = sorted(folder.iterdir())
        tables = [path for path in inside if path.suffix.lower() == TABLE]
        if len(tables) > 1:
            names = ", ".join(path.name for path in tables)
            raise Invalid("several_tables", f"The zip file holds several tables: {names}. Leave one.")
        if tables:
            return tables[0]
        if len(inside) != 1 or not _holds_people(inside[0]):
            return folder
        folder = inside[0]


def _holds_people(path: Path) -> bool:
    """Whether it is a folder around people or around a table, not one of a person's photos."""
    return path.is_dir() and any(it.is_dir() or it.suffix.lower() == TABLE for it in path.iterdir())


def _unsafe(what: str) -> Invalid:
    return Invalid("unsafe_archive", f"The zip file is not taken. {what}.")


def _too_large(what: str) -> Invalid:
    return Invalid("archive_too_large", f"The zip file is too large: {what}. Split it.")
