"""Choosing thresholds in the browser: wished for in words, measured by a worker, put in force after a look."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from recognition.admin.base import ShippedAdmin, number_of
from recognition.admin.evaluation import STATES
from recognition.models import Calibration, Identity
from recognition.services.analysis import active_model
from recognition.services.jobs import said
from recognition.services.thresholds import Wish, enrolled_people, request_calibration

LIST = "admin:recognition_thresholdpolicy_changelist"
RUN = "admin:recognition_thresholdpolicy_calibration"
PERSON = re.compile(r"\{person:(\d+)\}")


class WishForm(forms.Form):
    strangers = forms.TypedChoiceField(
        label=_("Of how many strangers who look into a camera may one be taken for somebody?"),
        choices=[(100, _("1 of 100 (usual)")), (1_000, _("1 of 1,000")), (10_000, _("1 of 10,000"))],
        coerce=int,
    )
    claims = forms.TypedChoiceField(
        label=_("Of how many people who claim to be somebody else may one be believed?"),
        choices=[
            (1_000, _("1 of 1,000")),
            (10_000, _("1 of 10,000 (the most for signing in)")),
            (100_000, _("1 of 100,000")),
        ],
        coerce=int,
        initial=10_000,
    )
    people = forms.IntegerField(
        label=_("For how many enrolled people shall it be good?"),
        min_value=1,
        max_value=100_000_000,
        help_text=_(
            "The more there are, the more careful it has to be. When more are enrolled it follows by itself."
        ),
    )
    twins = forms.BooleanField(
        label=_("People who look like one are two, such as twins: go on all the same"), required=False
    )
    beyond = forms.BooleanField(
        label=_("Go beyond what the enrolled people can speak of, along a straight line"), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if not isinstance(field, forms.BooleanField):
                field.widget.attrs["class"] = "id-input"

    @staticmethod
    def chosen(wish: Wish) -> dict[str, Any]:
        """What was chosen for this wish."""
        return {"strangers": round(1 / wish.fpir), "claims": round(1 / wish.fmr)}

    def wish(self) -> Wish:
        chosen = self.cleaned_data
        return Wish(
            fmr=1 / chosen["claims"],
            fpir=1 / chosen["strangers"],
            people=chosen["people"],
            extrapolate=chosen["beyond"],
            twins=chosen["twins"],
        )


class CalibrationPages(ShippedAdmin):
    """Mixed into the admin of policies."""

    def has_calibrate_permission(self, request: HttpRequest) -> bool:
        """Django's right to add a policy."""
        return bool(request.user.has_perm("recognition.add_thresholdpolicy"))

    def get_urls(self) -> list[URLPattern]:
        own = [self.own_path("calibrations/<int:pk>/", self.calibration, "calibration")]
        return own + super().get_urls()  # type: ignore[no-any-return]

    @action(description=_("Calibrate"), permissions=["calibrate"], icon="straighten")
    def calibrate(self, request: HttpRequest) -> HttpResponse:
        people, last = enrolled_people(active_model()), Calibration.objects.first()
        initial = {"people": max(1, people)} | (
            WishForm.chosen(Wish(**last.wish)) if last and last.wish else {}
        )
        form = WishForm(request.POST if request.method == "POST" else None, initial=initial)
        if request.method == "POST" and form.is_valid():
            made: list[Calibration] = []
            wish = form.wish()
            if self.attempt(request, lambda: made.append(request_calibration(wish, user_id=request.user.pk))):
                return HttpResponseRedirect(reverse(RUN, args=[made[0].pk]))
        return self.page(
            request,
            "admin/recognition/policy/calibrate.html",
            _("Choose thresholds by the errors that are allowed"),
            form=form,
            people=people,
            last=last,
            back=reverse(LIST),
        )

    def calibration(self, request: HttpRequest, pk: int) -> HttpResponse:
        """While the worker is at it, how far it is; then the preview of what came of it, or why nothing did."""
        self.demand(self.has_calibrate_permission(request))
        run = get_object_or_404(Calibration, pk=pk)
        if run.policy_id and "stay" not in request.GET:
            return HttpResponseRedirect(
                reverse("admin:recognition_thresholdpolicy_put_in_force", args=[run.policy_id])
            )
        return self.page(
            request,
            "admin/recognition/policy/calibration.html",
            _("Choosing thresholds"),
            run=run,
            label=STATES[run.state],
            message=_with_names(said(run.message), linked=request.user.has_perm("recognition.view_identity")),
            again=reverse("admin:recognition_thresholdpolicy_calibrate"),
            back=reverse(LIST),
        )


def _with_names(message: str, *, linked: bool) -> SafeString:
    """With the people by their present names, for who may see them."""
    people: dict[int, Model] = Identity.objects.in_bulk(
        {number_of(found) for found in PERSON.findall(message)}
    )

    def shown(found: re.Match[str]) -> str:
        person = people.get(int(found[1]))
        if person is None:
            return str(_("somebody who was erased"))
        if not linked:
            return _("person %(person)s") % {"person": person.pk}
        return format_html(
            '<a class="id-link" href="{}">{}</a>',
            reverse("admin:recognition_identity_change", args=[person.pk]),
            person,
        )

    return mark_safe(PERSON.sub(shown, conditional_escape(message)))  # noqa: S308  escaped before names are put in
