"""Threshold policies: what they allow and were measured on, putting one in force after a preview, rolling back."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from recognition.admin.base import Labelled, number_of
from recognition.admin.calibration import CalibrationPages
from recognition.engine.types import ModelFileError
from recognition.models import ThresholdPolicy
from recognition.services.thresholds import (
    activate,
    active_policy,
    growth,
    in_words,
    replay,
    roll_back,
    warnings,
)
from recognition.services.wording import noted

IN_FORCE = {"in_force": "success"}
BASIS = {"measured": "info", "published": "warning"}
BACK = "admin:recognition_thresholdpolicy_changelist"
DAYS = (7, 30, 90, 365)
COMPARED = (
    ("verify_threshold", _("1:1 threshold")),
    ("identify_threshold", _("1:N threshold")),
    ("margin", _("lead over the second")),
    ("fmr", _("two people taken for one (FMR)")),
    ("fpir", _("strangers taken for somebody (FPIR)")),
)


@admin.register(ThresholdPolicy)
class ThresholdPolicyAdmin(CalibrationPages):
    list_display = (
        "__str__",
        "state",
        "basis",
        "verify_threshold",
        "identify_threshold",
        "source",
        "activated_at",
    )
    list_select_related = ("model_version",)
    list_filter = ("active", "model_version")
    fieldsets = (
        (None, {"fields": ("words",)}),
        (
            None,
            {
                "fields": (
                    ("model_version", "state", "basis"),
                    "source",
                    ("created_at", "created_by"),
                    ("activated_at", "activated_by"),
                    "replaces",
                )
            },
        ),
        ("1:1", {"fields": (("verify_threshold", "fmr"),)}),
        ("1:N", {"fields": (("identify_threshold", "fpir"), "margin", "following")}),
        (_("Measured"), {"fields": ("measured",)}),
    )
    readonly_fields = ("words", "state", "basis", "following", "measured")
    actions_list = ("calibrate", "roll_back")
    actions_detail = ("put_in_force",)

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        """Without going back while there is nothing to go back to."""
        actions = super().get_actions_list(request)
        with suppress(ModelFileError):
            if active_policy().replaces is None:
                return [action for action in actions if not action.action_name.endswith("_roll_back")]
        return list(actions)

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Django's right to change a policy."""
        return bool(request.user.has_perm("recognition.change_thresholdpolicy"))

    @display(description=_("state"), ordering="active", label=IN_FORCE, empty_value="–")
    def state(self, policy: ThresholdPolicy) -> str | Labelled | None:
        if not policy.active:
            return None
        if policy.model_version.active:
            return Labelled("in_force", _("in force"))
        return _("for %(model)s, once that is in use") % {"model": policy.model_version.name}

    @display(description=_("in words"))
    def words(self, policy: ThresholdPolicy) -> str:
        rows = [(title, share) for title, share in in_words(policy).items() if share is not None]
        return render_to_string("admin/recognition/policy/words.html", {"rows": rows})

    @display(description=_("basis"), label=BASIS)
    def basis(self, policy: ThresholdPolicy) -> Labelled:
        return (
            Labelled("measured", _("measured"))
            if policy.is_measured
            else Labelled("published", _("not measured here"))
        )

    @display(description=_("number of people"))
    def following(self, policy: ThresholdPolicy) -> str:
        return render_to_string(
            "admin/recognition/policy/growth.html", {"growth": growth(policy), "policy": policy}
        )

    @display(description=_("measurements"))
    def measured(self, policy: ThresholdPolicy) -> str:
        if not policy.measurements:
            return _("Nothing was kept.")
        context = {"policy": policy, "found": policy.measurements}
        return render_to_string("admin/recognition/policy/measured.html", context)

    @action(description=_("Put in force"), permissions=["decide"], icon="check_circle")
    def put_in_force(self, request: HttpRequest, object_id: str) -> HttpResponse:
        policy = get_object_or_404(ThresholdPolicy, pk=number_of(object_id))
        if request.method == "POST":
            return self._change(request, policy.pk, lambda: activate(policy, user_id=request.user.pk))
        return self._preview(request, policy)

    @action(description=_("Go back to the one before"), permissions=["decide"], icon="undo")
    def roll_back(self, request: HttpRequest) -> HttpResponse:
        """To the policy of the preview and to no other: a form sent twice would go there and back."""
        if request.method == "POST":
            shown = number_of(request.POST.get("policy", ""))
            return self._change(request, shown, lambda: roll_back(user_id=request.user.pk, expected=shown))
        before = active_policy().replaces
        if before is None:
            self.attempt(request, lambda: roll_back(user_id=request.user.pk))
            return HttpResponseRedirect(reverse(BACK))
        return self._preview(request, before)

    def _change(self, request: HttpRequest, pk: int, wish: Any) -> HttpResponse:
        present = active_policy()
        if self.attempt(request, wish, _("Policy %(pk)s is in force from the next request on.") % {"pk": pk}):
            policy = ThresholdPolicy.objects.get(pk=pk)
            self.log_change(
                request, policy, noted("Put in force instead of policy %(number)s.", number=present.pk)
            )
        return HttpResponseRedirect(reverse(BACK))

    def _preview(self, request: HttpRequest, policy: ThresholdPolicy) -> HttpResponse:
        """What would change in the decisions of the last ?days=."""
        present = active_policy()
        days = number_of(request.GET.get("days", ""))
        days = days if days in DAYS else DAYS[1]
        found = replay(policy, timezone.now() - timedelta(days=days))
        rows = [(title, getattr(present, name), getattr(policy, name)) for name, title in COMPARED]
        before, after = in_words(present), in_words(policy)
        return self.page(
            request,
            "admin/recognition/policy/activate.html",
            _("Put policy %(policy)s in force?") % {"policy": policy.pk},
            policy=policy,
            present=present,
            rows=rows,
            words=[(title, before[title], after[title]) for title in after],
            warnings=warnings(policy),
            replay=found,
            people=found.people() if request.user.has_perm("recognition.view_identity") else None,
            days=days,
            choices=DAYS,
            back=reverse(BACK),
        )
