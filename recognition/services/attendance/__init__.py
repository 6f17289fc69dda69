"""Who came and went, as kiosks saw it. May import `recognition` and what that may."""

from __future__ import annotations

from recognition.services.attendance.reads import OLDEST, Reading, read
from recognition.services.attendance.records import attendance_before, drop_attendance

__all__ = ["OLDEST", "Reading", "attendance_before", "drop_attendance", "read"]
