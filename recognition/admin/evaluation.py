"""How well the enrolled people can be told apart: ask a worker to measure it, and look at what came out."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from recognition.admin.base import Labelled, ReadOnlyAdmin, number_of
from recognition.admin.identity_page import faces_of
from recognition.models import Evaluation, Identity
from recognition.services.errors import ServiceError
from recognition.services.evaluation import picture_address, request_evaluation
from recognition.services.jobs import said
from recognition.services.thresholds import active_policy

STATES = {"waiting": "info", "running": "info", "done": "success", "failed": "danger"}
TITLES = {
    "roc": _("ROC: how many of the genuine pairs are accepted at each false positive rate"),
    "scores": _("Scores of genuine and impostor pairs"),
    "open_set": _("Open gallery: half of the people enrolled, the others as strangers"),
}


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "created_at", "shown_state", "people", "photos", "model_version", "created_by")
    list_select_related = ("model_version", "created_by")
    actions_list = ("measure",)

    def has_measure_permission(self, request: HttpRequest) -> bool:
        """Django's right to add an evaluation."""
        return bool(request.user.has_perm("recognition.add_evaluation"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("figures", "pictures")

    @display(description=_("state"), ordering="state", label=STATES)
    def shown_state(self, run: Evaluation) -> Labelled:
        return Labelled(run.state, run.get_state_display())

    @action(description=_("Measure now"), permissions=["measure"], icon="query_stats")
    def measure(self, request: HttpRequest) -> HttpResponse:
        back = reverse("admin:recognition_evaluation_changelist")
        if request.method != "POST":
            return self.confirm(
                request,
                title=_("Measure how well the enrolled people can be told apart?"),
                button=_("Measure now"),
                back=back,
                points=[
                    _("A worker compares the stored vectors of all active people with one another."),
                    _("Recognition goes on meanwhile; nothing is changed."),
                ],
            )
        try:
            run = request_evaluation(user_id=request.user.pk)
        except ServiceError as error:
            self.message_user(request, str(error), messages.WARNING)
            return HttpResponseRedirect(back)
        return HttpResponseRedirect(reverse("admin:recognition_evaluation_change", args=[run.pk]))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The figures and curves; while the worker is at it, how far it is. The page then loads itself again."""
        run = get_object_or_404(Evaluation, pk=number_of(object_id))
        self.demand(self.has_view_permission(request, run))
        context: dict[str, Any] = {
            "run": run,
            "unfinished": run.state in (Evaluation.State.WAITING, Evaluation.State.RUNNING),
            "label": STATES[run.state],
            "message": said(run.message),
        }
        if run.state == Evaluation.State.DONE:
            used = {"name": _("enrolled people"), "used": True, **run.figures}
            context |= {
                "used": used,
                "variants": [used],
                "pictures": [
                    (TITLES[name], picture_address(run.pictures[name]))
                    for name in TITLES
                    if name in run.pictures
                ],
                "confusable": _confusable(request, run),
                "outdated": run.policy_id != active_policy().pk,
            }
        return self.page(
            request,
            "admin/recognition/evaluation/run.html",
            _("Evaluation %(run)s") % {"run": run.pk},
            **context,
        )


def _confusable(request: HttpRequest, run: Evaluation) -> list[dict[str, Any]]:
    """The most similar different people who are still there, with the photos that stand for them."""
    pairs = run.figures["identification"]["confusable"]
    keys = {pair[side] for pair in pairs for side in ("first", "second")}
    people = Identity.objects.in_bulk(keys)
    faces = faces_of(list(keys)) if request.user.has_perm("recognition.view_photo") else {}
    return [
        {
            "score": pair["score"],
            "people": [(people[pair[side]], faces.get(pair[side])) for side in ("first", "second")],
        }
        for pair in pairs
        if pair["first"] in people and pair["second"] in people
    ]
