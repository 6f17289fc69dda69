"""Filters that the theme does not have."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from django.forms import DateField
from django.http import HttpRequest
from django.utils.timezone import make_aware
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter

from recognition.models import Attendance

# What a photo can be rejected for after it was taken, in the order of how often it happens.
PHOTO_REASONS = {
    "looks_like_another": _("Looks like another"),
    "does_not_fit": _("Does not fit"),
    "not_this_person": _("Not this person"),
    "no_face": _("No face"),
    "several_faces": _("Several faces"),
    "covered": _("Covered"),
    "too_small": _("Too small"),
    "too_blurred": _("Too blurred"),
    "too_turned": _("Too turned"),
    "too_dark": _("Too dark"),
    "too_bright": _("Too bright"),
    "unreadable": _("Unreadable"),
    "failed": _("Failed"),
}


class ReasonFilter(SimpleListFilter):
    """Why photos were rejected."""

    title = _("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(PHOTO_REASONS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(reason=self.value()) if self.value() else queryset


class RevokedFilter(SimpleListFilter):
    """API keys that work, and those that do not any more."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("in_force", _("In force")), ("revoked", _("Revoked"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("in_force", "revoked"):
            return queryset.filter(revoked_at__isnull=self.value() == "in_force")
        return queryset


class AttendedFilter(SimpleListFilter):
    """Decisions that stand for an attendance."""

    title = _("attendance")
    parameter_name = "attended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("in", _("Came")), ("out", _("Went")), ("no", _("No attendance"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        noted = Attendance.objects.filter(decision=OuterRef("pk"))
        if self.value() == "no":
            return queryset.filter(~Exists(noted))
        if self.value() in ("in", "out"):
            return queryset.filter(Exists(noted.filter(kind=self.value())))
        return queryset


class DayRangeFilter(RangeDateFilter):  # type: ignore[misc]
    """From one day to another, both in full, as the site's time zone has them and the calendar beside writes them.

    The theme's own filter leaves out the last day of moments and reads 5/11 as the 11th of May.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("day")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        try:
            first, last = self._day("from"), self._day("to")
            if first is not None:
                queryset = queryset.filter(**{f"{self.parameter_name}__gte": _start(first)})
            if last is not None:
                queryset = queryset.filter(**{f"{self.parameter_name}__lt": _start(last + timedelta(days=1))})
        except (ValidationError, OverflowError, ValueError):
            return queryset.none()
        return queryset

    def _day(self, end: str) -> date | None:
        return DateField(required=False).clean(self.used_parameters.get(f"{self.parameter_name}_{end}"))


def _start(day: date) -> datetime:
    return make_aware(datetime.combine(day, time.min))
