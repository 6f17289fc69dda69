"""Events: what was decided about everybody who was seen, read-only, and the page on which staff try recognition."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from recognition.admin.base import Labelled, ReadOnlyAdmin
from recognition.admin.corrections import CorrectionPages
from recognition.admin.events import (
    attendance_of,
    known_of,
    likeness_of,
    moment_of,
    place_of,
    source_of,
    threshold_of,
)
from recognition.admin.filters import AttendedFilter, DayRangeFilter
from recognition.admin.identity_page import faces_of
from recognition.admin.recognise import recognise_view
from recognition.engine.quality import PROBE
from recognition.models import Decision, Identity, ProbePicture, Visitor
from recognition.services.wording import decimal, describe_quality, describe_score, reason_text, what_happened

LIST = "recognition_decision_changelist"
LABELS = {"in": "success", "out": "info", "match": "success", "no_match": "warning", "rejected": "danger"}


@admin.register(Decision)
class DecisionAdmin(CorrectionPages, ReadOnlyAdmin):
    actions_detail = ("correct",)
    list_display = ("shown_time", "happened", "who", "where", "asked_by", "how_sure")
    list_filter = (
        ("outcome", ChoicesDropdownFilter),
        AttendedFilter,
        ("kind", ChoicesDropdownFilter),
        ("identity", AutocompleteSelectFilter),
        ("api_key", AutocompleteSelectFilter),
        ("camera", AutocompleteSelectFilter),
        ("created_at", DayRangeFilter),
    )
    list_filter_submit = True
    search_fields = (
        "identity__name__spelled",
        "identity__external_id",
        "=user__username",
        "=api_key__name",
        "=api_key__place",
        "=camera__name",
        "=camera__place",
    )
    search_help_text = _("Person, ID, account, kiosk, camera or place")
    list_select_related = ("identity", "api_key", "camera", "user", "policy", "correction__identity")
    # There may be millions: pages without counting them.
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("shown_time", "happened"),
                    ("shown_person", "how_sure"),
                    ("known",),
                    ("asked_by", "where"),
                    ("why",),
                )
            },
        ),
        (_("Whom it resembles"), {"fields": ("shown_candidates", ("shown_score", "shown_margin"))}),
        (_("Face"), {"fields": ("shown_quality", "probe")}),
        (
            _("Decided with (for who looks into it)"),
            {
                "classes": ("collapse",),
                "fields": (("model_version", "policy"), ("generation", "change_number")),
            },
        ),
    )
    readonly_fields = (
        "shown_time",
        "happened",
        "where",
        "how_sure",
        "why",
        "shown_person",
        "known",
        "asked_by",
        "shown_score",
        "shown_margin",
        "shown_candidates",
        "shown_quality",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Decision]:
        queryset: QuerySet[Decision] = super().get_queryset(request)
        listed = request.resolver_match is not None and request.resolver_match.url_name == LIST
        # Where a kiosk stood is noted with the attendance; of other decisions it is where it stands now.
        queryset = queryset.prefetch_related("attendances")
        return queryset.defer("candidates", "quality", "policy__measurements") if listed else queryset

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """With the rights of whoever looks at it, for what is only shown with them."""
        decision = super().get_object(request, object_id, from_field)
        if decision is not None:
            decision.viewer = request.user
        return decision

    @display(description=_("time"), ordering="created_at")
    def shown_time(self, decision: Decision) -> str:
        return date_format(timezone.localtime(moment_of(decision)), "EXACT_DATETIME_FORMAT")

    @display(description=_("what happened"), label=LABELS)
    def happened(self, decision: Decision) -> Labelled:
        attended = attendance_of(decision)
        refused = decision.kind == Decision.Kind.LOGIN and decision.outcome == Decision.Outcome.NO_MATCH
        kind = attended or (Decision.Outcome.REJECTED if refused else decision.outcome)
        return Labelled(str(kind), what_happened(decision.kind, decision.outcome, attended))

    @display(description=_("person"), ordering="identity__name", empty_value="–")
    def who(self, decision: Decision) -> str | None:
        """As it was decided, and in the same cell what is known since."""
        decided, known = decision.identity and decision.identity.name, known_of(decision)
        if not known:
            return decided
        return format_html('{} <span class="id-hint">{}</span>', decided or "–", known)

    @display(description=_("corrected"), empty_value="–")
    def known(self, decision: Decision) -> str | None:
        correction = decision.corrected
        if correction is None:
            return None
        by = f", {correction.by}" if correction.by else ""
        return f"{known_of(decision)} ({date_format(timezone.localtime(correction.created_at), 'DATETIME_FORMAT')}{by})"

    @display(description=_("place"), empty_value="–")
    def where(self, decision: Decision) -> str | None:
        return place_of(decision) or None

    @display(description=_("how sure"), empty_value="–")
    def how_sure(self, decision: Decision) -> str | None:
        return likeness_of(decision)

    @display(description=_("score"), ordering="score", empty_value="–")
    def shown_score(self, decision: Decision) -> str | None:
        return None if decision.score is None else decimal(decision.score, 3)

    @display(description=_("lead over the second"), ordering="margin", empty_value="–")
    def shown_margin(self, decision: Decision) -> str | None:
        return None if decision.margin is None else decimal(decision.margin, 3)

    @display(description=_("asked by"), empty_value="–")
    def asked_by(self, decision: Decision) -> str | None:
        return source_of(decision) or None

    @display(description=_("why not"))
    def why(self, decision: Decision) -> str:
        return reason_text(decision.reason) if decision.reason else "–"

    @display(description=_("person"), empty_value="–")
    def shown_person(self, decision: Any) -> str | None:
        person = decision.identity
        if person is None and decision.viewer.has_perm("recognition.view_visitor"):
            return _visitor_of(decision)
        if person is None or not decision.viewer.has_perm("recognition.view_identity"):
            return person and str(person)
        url = reverse("admin:recognition_identity_change", args=[person.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', url, person)

    @display(description=_("candidates"))
    def shown_candidates(self, decision: Any) -> str:
        may = decision.viewer.has_perm
        people = Identity.everyone.in_bulk([candidate["identity"] for candidate in decision.candidates])
        faces = faces_of(list(people)) if may("recognition.view_photo") else {}
        rows = [
            (people.get(c["identity"]), c["score"], faces.get(c["identity"])) for c in decision.candidates
        ]
        kept = ProbePicture.objects.filter(probe=decision.probe).exists()
        context = {
            "rows": rows,
            "threshold": threshold_of(decision),
            "margin": decision.policy and decision.policy.margin,
            "may_open": may("recognition.view_identity"),
            "with_faces": may("recognition.view_photo"),
            "picture": decision.probe if kept and may("recognition.view_probepicture") else None,
            "note": _about_picture(kept, may("recognition.view_probepicture")),
        }
        return render_to_string("admin/recognition/decision/candidates.html", context)

    @display(description=_("quality"))
    def shown_quality(self, decision: Decision) -> str:
        score = float(decision.quality.get("score") or 0.0)
        figures = describe_quality(decision.quality, PROBE)
        context = {"score": score, "word": describe_score(score), "figures": figures}
        return render_to_string("admin/recognition/figures.html", context)

    def recognise(self, request: HttpRequest) -> HttpResponse:
        return recognise_view(self, request)

    def get_urls(self) -> list[URLPattern]:
        return [self.own_path("recognise/", self.recognise, "recognise"), *super().get_urls()]


def _visitor_of(decision: Decision) -> str | None:
    """The stranger who was seen then, where strangers are kept."""
    visitor = Visitor.objects.filter(appearances__decision=decision).first()
    if visitor is None:
        return None
    url = reverse("admin:recognition_visitor_change", args=[visitor.pk])
    return format_html(
        '<a class="text-link" href="{}">{}</a>', url, _("Unknown visitor %(number)s") % {"number": visitor.pk}
    )


def _about_picture(kept: bool, may_see: bool) -> str:
    if not kept:
        return _("The picture was not kept (KEEP_PROBES_DAYS).")
    return "" if may_see else _("The picture was kept. Your account may not see it.")
