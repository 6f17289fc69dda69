"""What was decided about probes, read-only, and the page on which staff try recognition themselves."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from recognition.admin.base import ReadOnlyAdmin
from recognition.admin.filters import DayRangeFilter
from recognition.admin.identity_page import source_of
from recognition.admin.recognise import recognise_view
from recognition.engine.quality import PROBE
from recognition.models import Decision, Identity, ProbePicture
from recognition.services.wording import describe_quality, describe_score, reason_text

LIST = "recognition_decision_changelist"
OUTCOMES = {"match": "success", "no match": "warning", "rejected": "danger"}


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at",
        "kind_label",
        "outcome_label",
        "identity",
        "shown_score",
        "shown_margin",
        "asked_by",
    )
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("outcome", ChoicesDropdownFilter),
        ("identity", AutocompleteSelectFilter),
        ("created_at", DayRangeFilter),
    )
    list_filter_submit = True
    search_fields = ("identity__name__spelled", "identity__external_id", "=user__username", "=api_key__name")
    search_help_text = "Person, ID, account or kiosk"
    list_select_related = ("identity", "api_key", "user")
    # There may be millions: pages without counting them.
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("created_at", "kind_label"),
                    ("outcome_label", "why"),
                    ("shown_person", "asked_by"),
                )
            },
        ),
        ("Comparison", {"fields": (("shown_score", "shown_margin"), "shown_candidates")}),
        ("Face", {"fields": ("shown_quality", "shown_picture", "probe")}),
        ("Decided with", {"fields": (("model_version", "policy"), ("generation", "change_number"))}),
    )
    readonly_fields = (
        "kind_label",
        "outcome_label",
        "why",
        "shown_person",
        "asked_by",
        "shown_score",
        "shown_margin",
        "shown_candidates",
        "shown_quality",
        "shown_picture",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Decision]:
        queryset: QuerySet[Decision] = super().get_queryset(request)
        listed = request.resolver_match is not None and request.resolver_match.url_name == LIST
        return queryset.defer("candidates", "quality") if listed else queryset

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """With the rights of whoever looks at it, for what is only shown with them."""
        decision = super().get_object(request, object_id, from_field)
        if decision is not None:
            decision.viewer = request.user
        return decision

    @display(description="kind", ordering="kind")
    def kind_label(self, decision: Decision) -> str:
        return decision.get_kind_display()

    @display(description="outcome", ordering="outcome", label=OUTCOMES)
    def outcome_label(self, decision: Decision) -> str:
        return decision.get_outcome_display()

    @display(description="score", ordering="score", empty_value="–")
    def shown_score(self, decision: Decision) -> str | None:
        return None if decision.score is None else f"{decision.score:.3f}"

    @display(description="margin", ordering="margin", empty_value="–")
    def shown_margin(self, decision: Decision) -> str | None:
        return None if decision.margin is None else f"{decision.margin:.3f}"

    @display(description="asked by", empty_value="–")
    def asked_by(self, decision: Decision) -> str | None:
        return source_of(decision) or None

    @display(description="why not")
    def why(self, decision: Decision) -> str:
        return reason_text(decision.reason) if decision.reason else "–"

    @display(description="person", empty_value="–")
    def shown_person(self, decision: Any) -> str | None:
        person = decision.identity
        if person is None or not decision.viewer.has_perm("recognition.view_identity"):
            return person and str(person)
        url = reverse("admin:recognition_identity_change", args=[person.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', url, person)

    @display(description="candidates")
    def shown_candidates(self, decision: Any) -> str:
        people = Identity.objects.in_bulk([candidate["identity"] for candidate in decision.candidates])
        rows = [(people.get(c["identity"]), c["score"]) for c in decision.candidates]
        policy = decision.policy
        threshold = policy and (
            policy.verify_threshold if decision.kind == Decision.Kind.VERIFY else policy.identify_threshold
        )
        context = {
            "rows": rows,
            "threshold": threshold,
            "margin": policy and policy.margin,
            "may_open": decision.viewer.has_perm("recognition.view_identity"),
        }
        return render_to_string("admin/recognition/decision/candidates.html", context)

    @display(description="quality")
    def shown_quality(self, decision: Decision) -> str:
        score = float(decision.quality.get("score") or 0.0)
        figures = describe_quality(decision.quality, PROBE)
        context = {"score": score, "word": describe_score(score), "figures": figures}
        return render_to_string("admin/recognition/figures.html", context)

    @display(description="picture")
    def shown_picture(self, decision: Any) -> str:
        if not ProbePicture.objects.filter(probe=decision.probe).exists():
            return "Not kept."
        if not decision.viewer.has_perm("recognition.view_probepicture"):
            return "Kept. Your account may not see it."
        address = reverse("recognition:probe-picture", args=[decision.probe])
        return format_html('<a class="id-link" href="{}">Show the picture</a>', address)

    def recognise(self, request: HttpRequest) -> HttpResponse:
        return recognise_view(self, request)

    def get_urls(self) -> list[URLPattern]:
        return [self.own_path("recognise/", self.recognise, "recognise"), *super().get_urls()]
