"""Staff say who it really was at an event: one of the candidates, another person, a new one, or nobody who is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from recognition.admin.base import SiteAdmin, number_of
from recognition.admin.identity_page import faces_of
from recognition.models import Decision, Identity, Visitor
from recognition.services import enrolment, identities
from recognition.services.wording import noted, noted_text, what_happened

FOUND = 8


class CorrectionPages(SiteAdmin):
    """Mixed into the admin of events."""

    def has_correct_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        may = request.user.has_perm
        return may("recognition.add_correction") and may("recognition.view_identity")

    @action(description=_("Who was it?"), permissions=["correct"], url_path="correct", icon="edit_note")
    def correct(self, request: HttpRequest, object_id: str) -> HttpResponse:
        decision = get_object_or_404(
            Decision.objects.select_related("identity", "policy", "correction__identity"),
            pk=number_of(object_id),
        )
        back = reverse("admin:recognition_decision_change", args=[decision.pk])
        if request.method == "POST":
            wish, said = self._wish(request, decision)
            if self.attempt(request, wish, noted_text(said)):
                self.log_change(request, decision, said)
                return HttpResponseRedirect(back)
            return HttpResponseRedirect(request.get_full_path())
        return self.page(
            request,
            "admin/recognition/decision/correct.html",
            _("Who was it?"),
            **self._shown(request, decision, back),
        )

    def _wish(self, request: HttpRequest, decision: Decision) -> tuple[Callable[[], Any], str]:
        """What the button that was pressed stands for, and what is said when it is done."""
        to, by = request.POST.get("to", ""), request.user.pk
        if to == "back":
            return lambda: identities.take_back_correction(decision), noted("It is as it was decided again.")
        if to == "nobody":
            return lambda: identities.correct(decision, to=None, by_id=by), noted(
                "It was nobody who is known."
            )
        if to == "new":
            self.demand(request.user.has_perm("recognition.add_identity") and self._may_add(request))
            name, external_id = request.POST.get("name", ""), request.POST.get("external_id", "")
            return (
                lambda: enrolment.enrol_from_event(decision, name=name, external_id=external_id, by_id=by),
                noted("%(name)s is enrolled with this picture.", name=name.strip()),
            )
        person = get_object_or_404(Identity, pk=number_of(to))
        with_photo = bool(request.POST.get("photo")) and self._may_add(request)

        def say() -> None:
            if person.pk != decision.identity_id or not (with_photo or decision.corrected):
                identities.correct(decision, to=person, by_id=by)
            elif decision.corrected:
                identities.take_back_correction(decision)
            if with_photo:
                enrolment.add_picture_of_event(decision, person)

        if with_photo:
            return say, noted("It was %(person)s. The picture is a photo of theirs.", person=person.name)
        return say, noted("It was %(person)s.", person=person.name)

    def _may_add(self, request: HttpRequest) -> bool:
        """The picture shows whoever may add photos: they see it then in any case."""
        may = request.user.has_perm
        return may("recognition.add_photo") and may("recognition.view_probepicture")

    def _shown(self, request: HttpRequest, decision: Decision, back: str) -> dict[str, Any]:
        may = request.user.has_perm
        asked = request.GET.get("q", "").strip().replace("\x00", "")
        scores = {one["identity"]: one["score"] for one in decision.candidates}
        if asked:
            people = list(
                Identity.objects.filter(Q(name__spelled=asked) | Q(external_id__icontains=asked))[: FOUND + 1]
            )
        else:
            rows = Identity.objects.in_bulk(list(scores))
            people = [rows[pk] for pk in scores if pk in rows]
        faces = faces_of([one.pk for one in people]) if may("recognition.view_photo") else {}
        kept = enrolment.has_picture(decision)
        return {
            "decision": decision,
            "happened": what_happened(decision.kind, decision.outcome),
            "correction": decision.corrected,
            "back": back,
            "asked": asked,
            "more": len(people) > FOUND,
            "rows": [(one, scores.get(one.pk), faces.get(one.pk)) for one in people[:FOUND]],
            "with_faces": may("recognition.view_photo"),
            "visitor": Visitor.objects.filter(appearances__decision=decision).first()
            if may("recognition.view_visitor")
            else None,
            "picture": decision.probe if kept and may("recognition.view_probepicture") else None,
            "may_add": kept and self._may_add(request),
            "may_enrol": kept and self._may_add(request) and may("recognition.add_identity"),
        }
