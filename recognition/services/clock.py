"""Times that rows carry, read with care: the clock that wrote them may have been wrong.

A time of the future is of a clock that was put right since. Taken at its word, a claim, a lease or a pause of that time
would hold for as long as the clock was wrong.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

OTHER_CLOCKS = timedelta(days=1)  # those of other hosts and of cameras may be ahead for so much


def recent(moment: datetime, age: timedelta) -> bool:
    """Whether it lies within this age of now."""
    return abs(timezone.now() - moment) <= age


def not_recent(field: str, age: timedelta) -> Q:
    """Rows whose time does not lie within this age of now."""
    now = timezone.now()
    return Q(**{f"{field}__lt": now - age}) | Q(**{f"{field}__gt": now + age})


def before(field: str, limit: datetime) -> Q:
    """Rows from before the limit, and those of a future in which nothing can have happened yet: they would be kept for
    as long as the clock was wrong. A limit of now takes all."""
    now = timezone.now()
    return Q(**{f"{field}__lt": limit}) | Q(**{f"{field}__gt": now + min(OTHER_CLOCKS, now - limit)})


def of_the_future(field: str) -> Q:
    """Rows that only a clock that was wrong can have written."""
    return Q(**{f"{field}__gt": timezone.now() + OTHER_CLOCKS})
