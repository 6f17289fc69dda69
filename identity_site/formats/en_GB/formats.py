"""Days and clock times of the English pages."""

from __future__ import annotations

DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i"
SHORT_DATE_FORMAT = "j M Y"
SHORT_DATETIME_FORMAT = "j M Y, H:i"
# Names of our own, for templates and code that want more or less of it.
LONG_DATE_FORMAT = "j F Y"
LONG_DATETIME_FORMAT = "j F Y, H:i"
WEEKDAY_DATE_FORMAT = "D j M Y"
WEEKDAY_DATETIME_FORMAT = "l, j F Y, H:i"
EXACT_DATETIME_FORMAT = "j M Y, H:i:s"
DAY_FORMAT = "j M"
DAY_TIME_FORMAT = "j M, H:i"
