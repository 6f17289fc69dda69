"""Embedding models: which one is in use, which are installed and what can be; beginning a change to another."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from recognition.admin.base import Labelled, ShippedAdmin, number_of
from recognition.models import ModelVersion
from recognition.services import models as model_services
from recognition.services.analysis import active_model
from recognition.services.wording import noted

STATES = {"in_use": "success"}
KINDS = {
    "detector": _("detector"),
    "refiner": _("refiner"),
    "inspector": _("inspector"),
    "embedder": _("embedder"),
}
BACK = "admin:recognition_modelversion_changelist"


@admin.register(ModelVersion)
class ModelVersionAdmin(ShippedAdmin):
    list_display = ("name", "version", "state", "dimensions", "created_at")
    fields = (("name", "version"), ("state", "dimensions"), "licence", "source", "sha256", "created_at")
    readonly_fields = ("state", "licence", "source")
    actions_list = ("install", "change_to_stronger", "roll_back")
    actions_detail = ("change_to",)

    def has_begin_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Django's right to add a model change."""
        return bool(request.user.has_perm("recognition.add_modelchange"))

    def has_switch_permission(self, request: HttpRequest) -> bool:
        """Django's right to change a model change."""
        return bool(request.user.has_perm("recognition.change_modelchange"))

    @display(description=_("state"), ordering="active", label=STATES, empty_value="–")
    def state(self, version: Any) -> Labelled | None:
        return Labelled("in_use", _("in use")) if version.active else None

    @display(description=_("licence"), empty_value="–")
    def licence(self, version: ModelVersion) -> str:
        spec = model_services.installed(version.name)
        return spec.licence if spec else _("Its file is not installed here.")

    @display(description=_("from"), empty_value="–")
    def source(self, version: ModelVersion) -> str:
        spec = model_services.installed(version.name)
        return spec.source if spec else ""

    @action(description=_("Change to this model"), permissions=["begin"], icon="swap_horiz")
    def change_to(self, request: HttpRequest, object_id: str) -> HttpResponse:
        version = get_object_or_404(ModelVersion, pk=number_of(object_id))
        page = reverse("admin:recognition_modelversion_change", args=[version.pk])
        if request.method != "POST":
            return self.confirm(
                request,
                title=_("Change from %(before)s to %(after)s?")
                % {"before": active_model().name, "after": version.name},
                button=_("Compute its vectors"),
                back=page,
                points=[
                    _(
                        "Workers compute new vectors of all enrolled photos beside those in use. "
                        "Recognition and enrolment go on."
                    ),
                    _("Then live probes are decided by both models, and you see how often they differ."),
                    _("Nothing is switched before you say so, and you can go back."),
                ],
            )
        if not self.attempt(request, lambda: model_services.begin(version.name, user_id=request.user.pk)):
            return HttpResponseRedirect(page)
        change = model_services.open_change()
        self.log_change(request, version, noted("Began the change to this model."))
        return HttpResponseRedirect(reverse("admin:recognition_modelchange_change", args=[change.pk]))

    @action(description=_("Change to the strongest"), permissions=["begin"], icon="upgrade")
    def change_to_stronger(self, request: HttpRequest) -> HttpResponse:
        """Installed if need be, computed and switched to by the workers; one click for the whole way."""
        version = active_model()
        better = model_services.stronger_than(version)
        if better is None or not better.at_hand:
            text = _("%(model)s is the strongest model at hand.") % {"model": version.name}
            if better:
                text = _(
                    "%(model)s is the strongest model at hand. %(better)s is stronger and is fetched by: "
                    "manage.py %(command)s"
                ) % {"model": version.name, "better": better.name, "command": better.change}
            self.message_user(request, text)
            return HttpResponseRedirect(reverse(BACK))
        if request.method != "POST":
            return self.confirm(
                request,
                title=_("Change from %(before)s to %(after)s?")
                % {"before": version.name, "after": better.name},
                button=_("Change to it"),
                back=reverse(BACK),
                points=[
                    f"{better.in_words()}.",
                    _(
                        "Workers compute new vectors of all enrolled photos; recognition and enrolment "
                        "go on meanwhile."
                    ),
                    _(
                        "When none is missing the site switches to the model and its thresholds by "
                        "itself. Models, Go back returns to the present one."
                    ),
                ],
                hidden={"from": version.pk},
            )
        shown = ModelVersion(pk=number_of(request.POST.get("from", "")))
        wish = lambda: model_services.change_to_stronger(shown, user_id=request.user.pk)  # noqa: E731
        if not self.attempt(request, wish):
            return HttpResponseRedirect(reverse(BACK))
        change = model_services.open_change()
        if change is None:  # a worker was as fast as that
            return HttpResponseRedirect(reverse("admin:recognition_modelchange_changelist"))
        self.log_change(request, version, noted("Began the change to %(model)s.", model=change.target))
        return HttpResponseRedirect(reverse("admin:recognition_modelchange_change", args=[change.pk]))

    @action(description=_("Install a model"), permissions=["begin"], icon="download")
    def install(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return self.page(
                request,
                "admin/recognition/model/install.html",
                _("Install a model"),
                offers=[(offer, KINDS.get(offer.kind, offer.kind)) for offer in model_services.offers()],
                back=reverse(BACK),
            )
        name = request.POST.get("name", "")
        if self.attempt(
            request,
            lambda: model_services.install_packaged(name),
            _("%(name)s is installed.") % {"name": name},
        ):
            version = ModelVersion.objects.filter(name=name).first()
            if version is not None:
                return HttpResponseRedirect(
                    reverse("admin:recognition_modelversion_change", args=[version.pk])
                )
            return HttpResponseRedirect(reverse(BACK))
        return HttpResponseRedirect(reverse("admin:recognition_modelversion_install"))

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        """Without going back while there is nothing to go back to."""
        actions = super().get_actions_list(request)
        if model_services.model_before() is None:
            return [action for action in actions if not action.action_name.endswith("_roll_back")]
        return list(actions)

    @action(description=_("Go back"), permissions=["switch"], icon="undo")
    def roll_back(self, request: HttpRequest) -> HttpResponse:
        """To the model that was in use before the last switch, if it is still the one that was confirmed."""
        if request.method == "POST":
            shown = number_of(request.POST.get("model", ""))
            wish = lambda: model_services.roll_back(  # noqa: E731
                user_id=request.user.pk, wait=False, expected=shown
            )
            if self.attempt(request, wish, _("The former model is in use from the next request on.")):
                self.log_change(request, active_model(), noted("Went back to this model."))
            return HttpResponseRedirect(reverse("admin:recognition_modelchange_changelist"))
        before = model_services.model_before()
        if before is None:
            self.attempt(request, model_services.roll_back)
            return HttpResponseRedirect(reverse(BACK))
        return self.confirm(
            request,
            title=_("Go back to %(before)s?") % {"before": before.name},
            button=_("Go back"),
            back=reverse(BACK),
            points=[
                _("Probes are decided by %(before)s and its thresholds again, from the next request on.")
                % {"before": before.name},
                _("What was enrolled since is computed first, so nobody is lost."),
            ],
            hidden={"model": before.pk},
        )
