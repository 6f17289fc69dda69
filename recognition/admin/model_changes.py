"""The way from one embedding model to another: how far it is, how the two compare, and the switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from recognition.admin.base import Labelled, ReadOnlyAdmin, number_of
from recognition.admin.evaluation import TITLES
from recognition.models import ModelChange
from recognition.services import models as model_services
from recognition.services import recognition
from recognition.services.evaluation import picture_address
from recognition.services.wording import noted, noted_text

STATES = {
    ModelChange.State.COMPUTING: "info",
    ModelChange.State.SHADOW: "warning",
    ModelChange.State.DONE: "success",
    ModelChange.State.STOPPED: "danger",
}


@admin.register(ModelChange)
class ModelChangeAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "shown_state", "created_at", "created_by", "activated_at", "activated_by")
    list_select_related = ("before", "target", "created_by", "activated_by")
    actions_detail = ("switch", "stop")

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Django's right to change a model change."""
        return bool(request.user.has_perm("recognition.change_modelchange"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("figures", "pictures", "skipped")

    @display(description=_("state"), ordering="state", label=STATES)
    def shown_state(self, change: ModelChange) -> Labelled:
        return Labelled(change.state, change.get_state_display())

    @action(description=_("Switch"), permissions=["decide"], icon="check_circle")
    def switch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        change = get_object_or_404(ModelChange, pk=number_of(object_id))
        left_behind = bool(request.POST.get("leave_behind"))
        return self._decide(
            request,
            change,
            _("Switch to %(target)s?") % {"target": change.target.name},
            _("Switch now"),
            [
                _("From the next request on, %(target)s and its thresholds decide, in all processes at once.")
                % {"target": change.target.name},
                _("The vectors of the present model are kept. Models, Go back returns to it."),
            ],
            lambda: model_services.activate(change, user_id=request.user.pk, leave_behind=left_behind),
            noted("%(target)s is in use from the next request on.", target=change.target.name),
            left_behind=model_services.left_behind(change).count(),
        )

    @action(description=_("Give up"), permissions=["decide"], icon="close")
    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        change = get_object_or_404(ModelChange, pk=number_of(object_id))
        return self._decide(
            request,
            change,
            _("Give up the change to %(target)s?") % {"target": change.target.name},
            _("Give up"),
            [
                _(
                    "The model in use stays. The vectors that were computed are kept, so beginning "
                    "again goes on there."
                )
            ],
            lambda: model_services.stop(change),
            noted("The change is given up."),
        )

    def _decide(
        self,
        request: HttpRequest,
        change: ModelChange,
        title: str,
        button: str,
        points: list[str],
        wish: Callable[[], Any],
        success: str,
        left_behind: int = 0,
    ) -> HttpResponse:
        back = reverse("admin:recognition_modelchange_change", args=[change.pk])
        if request.method == "POST":
            if self.attempt(request, wish, noted_text(success)):
                self.log_change(request, change, success)
            return HttpResponseRedirect(back)
        context = {"button": button, "back": back, "points": points, "left_behind": left_behind}
        return self.page(request, "admin/recognition/model/decide.html", title, **context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Progress while vectors are computed (the page loads itself again), then the comparison."""
        change = get_object_or_404(
            ModelChange.objects.select_related("before", "target", "created_by", "activated_by"),
            pk=number_of(object_id),
        )
        self.demand(self.has_view_permission(request, change))
        is_open = change.state in model_services.OPEN
        sides = [("before", change.before.name), ("after", change.target.name)]
        variants = [{"name": name, **change.figures[side]} for side, name in sides if side in change.figures]
        return self.page(
            request,
            "admin/recognition/model/change.html",
            _("From %(before)s to %(target)s") % {"before": change.before.name, "target": change.target.name},
            change=change,
            is_open=is_open,
            computing=change.state == ModelChange.State.COMPUTING,
            shadowing=change.state == ModelChange.State.SHADOW,
            label=STATES[ModelChange.State(change.state)],
            readiness=model_services.readiness(change) if is_open else None,
            no_policy=model_services.no_policy_text(change.target),
            live=recognition.agreement(change),
            differing=recognition.differences(change)
            if request.user.has_perm("recognition.view_decision")
            else None,
            variants=variants,
            used=variants[-1] if variants else None,
            pictures=[
                (TITLES[name], picture_address(change.pictures[name]))
                for name in TITLES
                if name in change.pictures
            ],
            may_decide=self.has_decide_permission(request),
        )
