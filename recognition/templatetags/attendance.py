"""Times of attendance in words."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django import template
from django.utils import timezone

register = template.Library()


@register.filter
def hours(length: timedelta) -> str:
    """``8:30``; a dash for nothing."""
    minutes = round(length.total_seconds() / 60)
    return f"{minutes // 60}:{minutes % 60:02}" if minutes else "–"


@register.filter
def clock_after(moment: datetime | None, day: date) -> str:
    """The time, with ``+1`` where it is on the day after."""
    if moment is None:
        return "–"
    there = timezone.localtime(moment)
    later = (there.date() - day).days
    return f"{there:%H:%M}" + (f" +{later}" if later else "")
