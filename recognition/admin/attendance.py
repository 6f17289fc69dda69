"""Attendance: the list of every time, and the report by day with its files for spreadsheets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from recognition.admin.base import Labelled, ReadOnlyAdmin, number_of
from recognition.admin.filters import DayRangeFilter
from recognition.models import ApiKey, Attendance, Identity
from recognition.services import attendance, audit
from recognition.services.errors import Invalid

ROWS = 100  # of a page of the report
LATE = timedelta(minutes=1)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ReportForm(forms.Form):
    first = forms.DateField(required=False, label=_("From"))
    last = forms.DateField(required=False, label=_("To"))
    kiosk = forms.ModelChoiceField(
        ApiKey.objects.none(), required=False, label=_("Kiosk"), empty_label=_("All kiosks")
    )
    person = forms.CharField(required=False, max_length=200, label=_("Person or ID"))
    of = forms.ChoiceField(required=False, choices=[("people", _("People")), ("kiosks", _("Kiosks"))])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kiosk: Any = self.fields["kiosk"]
        kiosk.queryset = ApiKey.objects.filter(attendances__isnull=False).distinct()
        kiosk.label_from_instance = lambda key: f"{key.name}, {key.place}" if key.place else key.name
        for name in ("first", "last"):
            self.fields[name].widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
        for name in ("first", "last", "kiosk", "person"):
            self.fields[name].widget.attrs["class"] = "id-input"


@dataclass(frozen=True, slots=True)
class Period:
    """A link to some days that are often asked for."""

    name: str
    query: str
    chosen: bool


@admin.register(Attendance)
class AttendanceAdmin(ReadOnlyAdmin):
    list_display = ("shown_at", "identity", "kind_label", "kiosk", "place", "arrived")
    list_display_links = None
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("identity", AutocompleteSelectFilter),
        ("api_key", AutocompleteSelectFilter),
        ("at", DayRangeFilter),
    )
    list_filter_submit = True
    search_fields = ("identity__name__spelled", "identity__external_id", "api_key__name", "place")
    search_help_text = _("Person, ID, kiosk or place")
    list_select_related = ("identity", "api_key")
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions_list = ("report",)

    @display(description=_("time"), ordering="at")
    def shown_at(self, row: Attendance) -> str:
        return date_format(timezone.localtime(row.at), "EXACT_DATETIME_FORMAT")

    @display(description=_("kind"), ordering="kind", label={"in": "success", "out": "info"})
    def kind_label(self, row: Attendance) -> Labelled:
        return Labelled(row.kind, row.get_kind_display())

    @display(description=_("kiosk"), ordering="api_key__name")
    def kiosk(self, row: Attendance) -> str:
        return row.api_key.name

    @display(description=_("arrived later"), empty_value="–")
    def arrived(self, row: Attendance) -> str | None:
        """When the kiosk had a connection again."""
        late = row.created_at - row.at > LATE
        return date_format(timezone.localtime(row.created_at), "DAY_TIME_FORMAT") if late else None

    @action(description=_("Report by day"), permissions=["view"], icon="table_chart")
    def report(self, request: HttpRequest) -> HttpResponse:
        """By day and person, or by day and kiosk."""
        form = ReportForm(request.GET)
        span = self._span(request, form)
        if span is None:
            return HttpResponseRedirect(request.path)
        of = form.cleaned_data["of"] or "people"
        page = max(1, number_of(request.GET.get("page", "")))
        rows: Sequence[Any]
        if of == "kiosks":
            rows, more = attendance.kiosk_days(span), False
        else:
            found = attendance.person_days(span, limit=ROWS + 1, offset=(page - 1) * ROWS)
            rows, more = found[:ROWS], len(found) > ROWS
        wish = self._wish(request, span)
        return self.page(
            request,
            "admin/recognition/attendance/report.html",
            _("Attendance by day"),
            form=ReportForm(wish | {"of": of}),
            of=of,
            rows=rows,
            page_number=page,
            query=urlencode(wish),
            more=urlencode(wish | {"page": page + 1}) if more else "",
            before=urlencode(wish | {"page": page - 1}) if page > 1 else "",
            periods=_periods(wish | {"of": of}),
            zone=timezone.get_default_timezone_name(),
            may_open=request.user.has_perm("recognition.view_identity"),
            export=reverse("admin:recognition_attendance_export"),
        )

    def export(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse | FileResponse:
        """The same as a file: ``file`` is xlsx, or the name of a table for CSV."""
        self.demand(self.has_view_permission(request))
        span = self._span(request, ReportForm(request.GET))
        wanted = request.GET.get("file", "")
        if span is None or (wanted != "xlsx" and wanted not in attendance.TABLES):
            return HttpResponseRedirect(reverse("admin:recognition_attendance_report"))
        audit.record("export.attendance", first=f"{span.first}", last=f"{span.last}", file=wanted)
        name = f"attendance-{span.first}-{span.last}"
        response: StreamingHttpResponse | FileResponse
        if wanted == "xlsx":
            file = TemporaryFile()  # noqa: SIM115 - the response closes it
            attendance.write_xlsx(span, file)
            file.seek(0)
            response = FileResponse(file, as_attachment=True, filename=f"{name}.xlsx", content_type=XLSX)
        else:
            response = StreamingHttpResponse(attendance.csv_lines(wanted, span), content_type="text/csv")
            response["Content-Disposition"] = f'attachment; filename="{name}-{wanted}.csv"'
        response["Cache-Control"] = "no-store"
        return response

    def _span(self, request: HttpRequest, form: ReportForm) -> attendance.Span | None:
        """What is asked for; None, with a message, where that makes no sense."""
        if not form.is_valid():
            field, errors = next(iter(form.errors.items()))
            self.message_user(request, f"{form.fields[field].label or field}: {errors[0]}", messages.ERROR)
            return None
        wish = form.cleaned_data
        today = timezone.localdate()
        last = wish["last"] or max(today, wish["first"] or today)
        first = wish["first"] or last - timedelta(days=last.weekday())
        try:
            return attendance.Span(
                first, last, key_id=wish["kiosk"] and wish["kiosk"].pk, people=_people(wish["person"])
            )
        except Invalid as error:
            self.message_user(request, str(error), messages.ERROR)
            return None

    @staticmethod
    def _wish(request: HttpRequest, span: attendance.Span) -> dict[str, Any]:
        """As an address says it."""
        asked = {name: request.GET[name] for name in ("person", "of") if request.GET.get(name)}
        kiosk = {"kiosk": span.key_id} if span.key_id else {}
        return {"first": f"{span.first}", "last": f"{span.last}"} | kiosk | asked

    def get_urls(self) -> list[URLPattern]:
        return [self.own_path("export/", self.export, "export"), *super().get_urls()]


def _people(text: str) -> tuple[int, ...] | None:
    text = text.strip()
    if not text:
        return None
    found = Identity.objects.filter(Q(name__spelled=text) | Q(external_id__iexact=text))
    return tuple(found.values_list("pk", flat=True))


def _periods(wish: dict[str, Any]) -> list[Period]:
    today = timezone.localdate()
    monday = today - timedelta(days=today.weekday())
    month = today.replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    spans: tuple[tuple[str, date, date], ...] = (
        (_("Today"), today, today),
        (_("Yesterday"), today - timedelta(days=1), today - timedelta(days=1)),
        (_("This week"), monday, today),
        (_("Last week"), monday - timedelta(days=7), monday - timedelta(days=1)),
        (_("This month"), month, today),
        (_("Last month"), before, month - timedelta(days=1)),
    )
    return [
        Period(
            name,
            urlencode(wish | {"first": f"{first}", "last": f"{last}"}),
            (wish["first"], wish["last"]) == (f"{first}", f"{last}"),
        )
        for name, first, last in spans
    ]
