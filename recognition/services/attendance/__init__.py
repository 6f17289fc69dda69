"""Who came and went, as kiosks saw it: recorded, told by day, exported. May import `recognition` and what that may."""

from __future__ import annotations

from recognition.services.attendance.exports import TABLES, csv_lines, write_xlsx
from recognition.services.attendance.reads import OLDEST, Reading, read
from recognition.services.attendance.records import (
    attendance_before,
    drop_attendance,
    give_to,
    take_from,
)
from recognition.services.attendance.reports import Span, kiosk_days, person_days

__all__ = [
    "OLDEST",
    "TABLES",
    "Reading",
    "Span",
    "attendance_before",
    "csv_lines",
    "drop_attendance",
    "give_to",
    "kiosk_days",
    "person_days",
    "read",
    "take_from",
    "write_xlsx",
]
