"""Cameras: rows that a worker watches all the time."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from recognition.admin.base import Labelled, SiteAdmin
from recognition.engine.film import without_password
from recognition.models import Camera
from recognition.services import cameras

STATES = {"watched": "success", "trouble": "danger", "unwatched": "warning", "off": "info"}
NAMES = {
    "watched": _("watched"),
    "trouble": _("no pictures"),
    "unwatched": _("nobody watches"),
    "off": _("off"),
}


class CameraForm(forms.ModelForm):
    """The source is not shown again whole: it often holds a password. Left empty it stays."""

    source = forms.CharField(
        label=_("Source"),
        required=False,
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("rtsp://…, http://… or the number of a webcam of the host, such as 0."),
    )

    class Meta:
        model = Camera
        fields = ("name", "place", "source", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "source" in self.fields and self.instance.pk:
            self.initial["source"] = ""
            shown = without_password(self.instance.source) or _("It cannot be read any more; enter it again.")
            more = _("At present: %(shown)s. Left empty it stays.") % {"shown": shown}
            self.fields["source"].help_text = f"{self.fields['source'].help_text} {more}"

    def clean_source(self) -> str:
        source: str = self.cleaned_data["source"]
        if not source and not self.instance.pk:
            raise forms.ValidationError(_("This field is required."))
        return source or self.instance.source


@admin.register(Camera)
class CameraAdmin(SiteAdmin):
    form = CameraForm
    list_display = ("name", "place", "state", "figures", "look")
    list_filter = ("enabled",)
    search_fields = ("name", "place")
    search_help_text = _("Name or place")

    @display(description=_("state"), label=STATES)
    def state(self, camera: Camera) -> Labelled:
        state = _state(camera)
        return Labelled(state, NAMES[state])

    @display(description=_("how it goes"), empty_value="–")
    def figures(self, camera: Camera) -> str | None:
        known = cameras.state_of(camera.pk) if camera.enabled else None
        if known is None:
            return None
        if known.get("trouble"):
            return str(known["trouble"])
        return _("%(frames)s frames a second, known after %(delay)s ms") % {
            "frames": known["fps"],
            "delay": known["delay_ms"],
        }

    @display(description=_("live picture"))
    def look(self, camera: Camera) -> str:
        address = reverse("cameras:page", args=[camera.name])
        return format_html('<a class="text-link" href="{}">{}</a>', address, _("Look on"))

    def save_model(self, request: HttpRequest, obj: Camera, form: Any, change: bool) -> None:
        cameras.save_camera(obj)


def _state(camera: Camera) -> str:
    if not camera.enabled:
        return "off"
    known = cameras.state_of(camera.pk)
    if known is None:
        return "unwatched"
    return "trouble" if known.get("trouble") else "watched"
