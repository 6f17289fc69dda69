"""Days, clock times and numbers of the Vietnamese pages. Names as in `identity_site.formats.en_GB`."""

from __future__ import annotations

DATE_FORMAT = "j/n/Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j/n/Y, H:i"
SHORT_DATE_FORMAT = "j/n/Y"
SHORT_DATETIME_FORMAT = "j/n/Y, H:i"
LONG_DATE_FORMAT = r"j \t\há\n\g n \nă\m Y"
LONG_DATETIME_FORMAT = r"j \t\há\n\g n \nă\m Y, H:i"
WEEKDAY_DATE_FORMAT = "D, j/n/Y"
WEEKDAY_DATETIME_FORMAT = r"l, j \t\há\n\g n \nă\m Y, H:i"
EXACT_DATETIME_FORMAT = "j/n/Y, H:i:s"
DAY_FORMAT = "j/n"
DAY_TIME_FORMAT = "j/n, H:i"
# The first one is what calendars write.
DATE_INPUT_FORMATS = ["%d/%m/%Y", "%Y-%m-%d", "%d-%m-%Y"]
NUMBER_GROUPING = 3
