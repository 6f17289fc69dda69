"""Attendance as files for spreadsheets: CSV of one table, XLSX with all of them. Times are those of the site."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import IO, Any

from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

from recognition.services.attendance.reports import Span, kiosk_days, person_days, times
from recognition.services.errors import NotFound
from recognition.services.tables import harmless

FORMATS = ((datetime, "yyyy-mm-dd hh:mm:ss"), (date, "yyyy-mm-dd"), (timedelta, "[h]:mm"))
WIDTHS = {"date": 12, "person": 28, "kiosk": 22, "place": 22, "remark": 34}

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: Callable[[Span], Iterable[Row]]


def _person_rows(span: Span) -> Iterator[Row]:
    for row in person_days(span):
        remarks = ["not seen coming"] * bool(row.not_seen_coming)
        remarks += ["not seen leaving"] * bool(row.not_seen_leaving)
        yield (
            row.day,
            row.name,
            row.external_id,
            _local(row.came),
            _local(row.went),
            row.inside,
            row.stays,
            ", ".join(remarks),
        )


def _kiosk_rows(span: Span) -> Iterator[Row]:
    for row in kiosk_days(span):
        yield row.day, row.kiosk, row.place, row.came, row.went, row.people, row.refused


def _times(span: Span) -> Iterator[Row]:
    for row in times(span):
        late = row.created_at - row.at > timedelta(minutes=1)
        yield (
            _local(row.at),
            row.identity.name,
            row.identity.external_id,
            row.kind,
            row.api_key.name,
            row.place,
            _local(row.created_at) if late else None,
        )


TABLES = {
    "people": Table(
        "People by day",
        ("date", "person", "ID", "came", "went", "inside", "stays", "remark"),
        _person_rows,
    ),
    "kiosks": Table(
        "Kiosks by day", ("date", "kiosk", "place", "came", "went", "people", "refused"), _kiosk_rows
    ),
    "times": Table("Every time", ("time", "person", "ID", "kind", "kiosk", "place", "arrived later"), _times),
}


def csv_lines(name: str, span: Span) -> Iterator[bytes]:
    """The table of `TABLES` as CSV in UTF-8 with a mark, by which spreadsheets know it. Raises NotFound."""
    if name not in TABLES:
        raise NotFound("unknown_table", f"Choose among {', '.join(TABLES)}.")
    table = TABLES[name]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(table.columns)
    yield b"\xef\xbb\xbf"
    for row in table.rows(span):
        writer.writerow([_text(value) for value in row])
        if buffer.tell() > 2**15:
            yield _taken(buffer)
    yield _taken(buffer)


def write_xlsx(span: Span, file: IO[bytes]) -> None:
    """All tables, a sheet each, with real dates, times and durations."""
    book = Workbook(write_only=True)
    for table in TABLES.values():
        sheet = book.create_sheet(table.title)
        sheet.freeze_panes = "A2"
        for place, column in enumerate(table.columns):
            letter = chr(ord("A") + place)
            sheet.column_dimensions[letter].width = WIDTHS.get(column, 20)
        sheet.append([_cell(sheet, column, bold=True) for column in table.columns])
        for row in table.rows(span):
            sheet.append([_cell(sheet, value) for value in row])
    notes = book.create_sheet("Notes")
    for line in _notes(span):
        notes.append([_cell(notes, line)])
    book.save(file)


def _notes(span: Span) -> list[str]:
    return [
        f"Attendance from {span.first} to {span.last}",
        f"Times are those of {timezone.get_default_timezone_name()}.",
        "A stay belongs to the day on which it began. Inside is the sum of stays of which both ends were seen.",
    ]


def _local(moment: datetime | None) -> datetime | None:
    """Without its zone, which spreadsheets do not know, and without fractions of a second."""
    return None if moment is None else timezone.localtime(moment).replace(tzinfo=None, microsecond=0)


def _text(value: object) -> object:
    if isinstance(value, timedelta):
        minutes = round(value.total_seconds() / 60)
        return f"{minutes // 60}:{minutes % 60:02}"
    return harmless(value) if isinstance(value, str) else value


def _cell(sheet: Any, value: object, *, bold: bool = False) -> Any:
    if isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub("", value)
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"  # never a formula
    for kind, wanted in FORMATS:
        if isinstance(value, kind):
            cell.number_format = wanted
            break
    if bold:
        cell.font = Font(bold=True)
    return cell


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
