"""CSV files as people have them: commas, semicolons or tabs, in UTF-8, UTF-16 or the 8-bit code of their system."""

from __future__ import annotations

import codecs
import csv
import io
import locale
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from recognition.services.errors import Invalid
from recognition.services.wording import whole

SEPARATORS = {",": _("commas"), ";": _("semicolons"), "\t": _("tabs")}
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for one at the beginning of a text
MOST_BYTES = 64_000_000
ENCODINGS = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}
SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # Excel's own, before the header


@dataclass(frozen=True, slots=True)
class Table:
    """rows: line number and values by column, without spaces around. understood: a sentence on how it was read."""

    rows: list[tuple[int, dict[str, str]]]
    understood: str


def harmless(text: str) -> str:
    """A text for a cell of a CSV file that is opened in a spreadsheet: never a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def read_table(
    file: Path,
    columns: Mapping[str, Sequence[str]],
    *,
    optional: Sequence[str] = (),
    most: int | None = None,
) -> Table:
    """columns: each column that is needed, with other names that it may have. optional: those that may be lacking;
    rows then have no such key. most: rows that are taken; no more are read.

    Names count without case; spaces and hyphens in them are underscores. Raises Invalid, saying what is wrong in which
    line; OSError when the file cannot be read.
    """
    text, encoding = _decoded(file)
    if found := SEPARATOR_LINE.match(text):
        text = text[found.end() :]
    offset = 1 if found else 0
    separator = found[1] if found else _separator(text, columns)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        header = next(reader, [])
        places = _places(header, columns)
        if places:
            places |= _places(header, dict.fromkeys(optional, ()))
        if not places and encoding not in ENCODINGS.values():
            raise _no_csv(file)
        missing = [name for name in columns if name not in places]
        if missing:
            raise Invalid(
                "wrong_columns",
                gettext(
                    "%(file)s lacks the columns %(missing)s. Read with %(separator)s between the "
                    "columns, its first line names %(header)s."
                )
                % {
                    "file": file,
                    "missing": ", ".join(missing),
                    "separator": _named(separator),
                    "header": ", ".join(map(repr, header))[:300] or gettext("nothing"),
                },
            )
        filled = (row for row in reader if any(cell.strip() for cell in row))
        rows = [
            (reader.line_num + offset, {name: _cell(row, place) for name, place in places.items()})
            for row in islice(filled, most)
        ]
        if most is not None and next(filled, None) is not None:
            raise Invalid(
                "too_many",
                gettext("%(file)s has more than %(most)s rows. Divide it into several files.")
                % {"file": file, "most": whole(most)},
            )
    except csv.Error as error:
        raise Invalid(
            "not_csv",
            gettext("%(file)s line %(line)s is not CSV: %(error)s.")
            % {"file": file, "line": reader.line_num + offset, "error": error},
        ) from None
    renamed = [
        gettext("%(column)s from %(header)s") % {"column": name, "header": repr(header[place].strip())}
        for name, place in places.items()
        if header[place].strip().lower() != name
    ]
    words = [
        ngettext("%(number)s row", "%(number)s rows", len(rows)) % {"number": len(rows)},
        gettext("%(separator)s between the columns") % {"separator": _named(separator)},
        encoding,
        *renamed,
    ]
    return Table(rows, f"{file.name}: {', '.join(words)}")


def _decoded(file: Path) -> tuple[str, str]:
    """The text and the name of its encoding."""
    with file.open("rb") as handle:
        raw = handle.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise Invalid(
            "too_large",
            gettext("%(file)s has more than %(megabytes)s MB. Divide it into several files.")
            % {"file": file, "megabytes": MOST_BYTES // 1_000_000},
        )
    for encoding in (_wide(raw) or "utf-8-sig", _eight_bit()):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            known = ENCODINGS.get(encoding)
            return (
                text,
                known
                or gettext("read as %(encoding)s, since it is no UTF-8: check the names")
                % {"encoding": codecs.lookup(encoding).name},
            )
    raise _no_csv(file)


def _no_csv(file: Path) -> Invalid:
    return Invalid(
        "not_csv",
        gettext("%(file)s is not a CSV file in UTF-8, UTF-16 or %(encoding)s.")
        % {"file": file, "encoding": _eight_bit()},
    )


def _eight_bit() -> str:
    """The code of the system; where that is UTF-8, the one of Excel in most of the world."""
    name = codecs.lookup(locale.getencoding()).name
    return "cp1252" if name in ("utf-8", "ascii") else name


def _wide(raw: bytes) -> str:
    """UTF-16, by its mark or by the zeros of its first letters."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    start = raw[:200]
    if len(start) >= 2 and start[1::2].count(0) > len(start) // 4:
        return "utf-16-le"
    if len(start) >= 2 and start[::2].count(0) > len(start) // 4:
        return "utf-16-be"
    return ""


def _separator(text: str, columns: Mapping[str, Sequence[str]]) -> str:
    """The one with which the first line has most of the columns; a comma where that decides nothing."""
    line = text.partition("\n")[0]
    if len(line) > csv.field_size_limit():
        return ","

    def known(separator: str) -> int:
        try:
            return len(_places(next(csv.reader([line], delimiter=separator), []), columns))
        except csv.Error:  # a quoted name that goes on in the next line
            return 0

    return max(SEPARATORS, key=known)


def _places(header: Sequence[str], columns: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Column -> its place. The name itself goes before other names, an earlier of these before a later."""
    plain = [re.sub(r"[\s-]+", "_", name.strip().lower()) for name in header]
    found = {}
    for column, others in columns.items():
        place = next((plain.index(name) for name in (column, *others) if name in plain), None)
        if place is not None:
            found[column] = place
    return found


def _cell(row: Sequence[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _named(separator: str) -> str:
    return str(SEPARATORS.get(separator, repr(separator)))
