"""The audit log: read, searched, filtered and exported. Nobody changes it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin import DateFieldListFilter
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from recognition.admin.base import ReadOnlyAdmin
from recognition.models import AuditEntry, Identity
from recognition.services import audit
from recognition.services.tables import harmless

COLUMNS = ("id", "at", "action", "who", "user", "key", "address", "way", "kind", "object", "person", "detail")
# Where what an entry is about can be looked at, as long as it is there.
PAGES = {
    "person": "recognition_identity",
    "photo": "recognition_photo",
    "policy": "recognition_thresholdpolicy",
    "key": "recognition_apikey",
    "account": "accounts_user",
    "group": "auth_group",
    "erasure": "recognition_erasure",
    "model_change": "recognition_modelchange",
}


WAYS = {
    "password": _("password"),
    "face": _("face"),
    "mfa": _("second factor"),
    "session": _("session"),
    "key": _("key"),
    "command": _("command"),
    "task": _("task"),
}


class ActionFilter(admin.SimpleListFilter):
    title = _("kind of entry")
    parameter_name = "of"

    KINDS = (
        ("changes", _("changes")),
        ("probe.", _("probes")),
        ("signed_", _("sign-ins")),
        ("seen", _("looks at pictures")),
        ("export.", _("exports")),
        ("refused.", _("refusals")),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return self.KINDS

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        match self.value():
            case "changes":
                return queryset.filter(action__regex=r"\.(added|changed|removed)$")
            case "seen":
                return queryset.filter(action__endswith=".seen")
            case str() as start if start in dict(self.KINDS):
                return queryset.filter(action__startswith=start)
        return queryset


class WayFilter(admin.SimpleListFilter):
    title = _("way")
    parameter_name = "way"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """By name: the ways that occur are not asked of a table that only grows."""
        return list(WAYS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(way=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = (
        "at",
        "action",
        "who",
        "shown_way",
        "address",
        "shown_object",
        "shown_person",
        "shown_detail",
    )
    list_display_links = None
    list_filter = (ActionFilter, WayFilter, ("at", DateFieldListFilter))
    search_fields = ("who", "action", "address", "=person", "=object")
    search_help_text = _("Who, what, from where, or the number of a person or thing")
    actions = ("export_selected",)
    actions_list = ("export_shown",)
    # It only grows: pages without counting it, and the names of a page's people in the query of the page.
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        name = Identity.objects.filter(pk=OuterRef("person")).values("name")
        queryset: QuerySet[AuditEntry] = super().get_queryset(request)
        return queryset.annotate(person_name=Subquery(name))

    @display(description=_("way"), ordering="way", empty_value="–")
    def shown_way(self, entry: AuditEntry) -> str:
        return str(WAYS.get(entry.way, entry.way))

    @display(description=_("what"))
    def shown_object(self, entry: AuditEntry) -> str:
        if not entry.kind:
            return "–"
        text = f"{entry.kind} {entry.object}"
        if entry.kind not in PAGES or entry.action.endswith(".removed"):
            return text
        try:
            return format_html(
                '<a href="{}">{}</a>', reverse(f"admin:{PAGES[entry.kind]}_change", args=[entry.object]), text
            )
        except NoReverseMatch:
            return text

    @display(description=_("person"))
    def shown_person(self, entry: Any) -> str:
        """By name as long as there is one; the log itself has the number only."""
        if entry.person is None:
            return "–"
        return f"{entry.person_name or _('erased')} ({entry.person})"

    @display(description=_("more"))
    def shown_detail(self, entry: AuditEntry) -> str:
        return "; ".join(f"{name}: {_plain(value)}" for name, value in entry.detail.items()) or "–"

    @action(description=_("Export the selected ones"), permissions=["view"])
    def export_selected(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> HttpResponse:
        return _as_csv(queryset)

    @action(description=_("Export all as CSV"), permissions=["view"], icon="download")
    def export_shown(self, request: HttpRequest) -> HttpResponse:
        return _as_csv(AuditEntry.objects.all())


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " → ".join(map(_plain, value)) if len(value) == 2 else ", ".join(map(_plain, value))
    return str(_("nothing") if value is None or value == "" else value)


class _Line:
    """What `csv` writes to: it hands back each line."""

    def write(self, line: str) -> str:
        return line


def _as_csv(entries: QuerySet[AuditEntry]) -> HttpResponse:
    audit.record("export.audit")

    def lines() -> Iterator[str]:
        writer = csv.writer(_Line())
        yield writer.writerow(COLUMNS)
        for entry in entries.order_by("id").iterator(chunk_size=2000):
            yield writer.writerow([_cell(getattr(entry, name)) for name in COLUMNS])

    answer = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="audit.csv"'
    answer["Cache-Control"] = "no-store"
    return answer  # type: ignore[return-value]


def _cell(value: Any) -> str:
    return "" if value is None else harmless(str(value))
