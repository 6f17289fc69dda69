"""Tablets as kiosks: added by name and place, paired by a code or QR that is shown for ten minutes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from recognition.admin.base import SiteAdmin, number_of
from recognition.admin.qr import qr_code
from recognition.models import ApiKey
from recognition.services import keys
from recognition.services.wording import noted


class KioskForm(forms.ModelForm):
    class Meta:
        model = ApiKey
        fields = ("name", "place", "direction", "pause_seconds", "liveness")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "id-input"


def is_kiosk(key: ApiKey) -> bool:
    """Whether a tablet has this key, or is to get it."""
    return not key.digest or key.paired_at is not None


class KioskPages(SiteAdmin):
    """Mixed into the admin of API keys."""

    @action(description=_("Add a kiosk (tablet)"), permissions=["add"], icon="tablet_android")
    def add_kiosk(self, request: HttpRequest) -> HttpResponse:
        self.demand(request.user.has_perm("recognition.view_identity"))  # a kiosk is told names
        form = KioskForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            made: list[tuple[ApiKey, str]] = []
            if self.attempt(
                request,
                lambda: made.append(keys.add_kiosk(user_id=request.user.pk, **form.cleaned_data)),
            ):
                ((key, code),) = made
                self.log_addition(request, key, noted("Added the kiosk."))
                return self._show_code(request, key, code)
        back = reverse("admin:recognition_apikey_changelist")
        return self.page(request, "admin/recognition/kiosk/add.html", _("Add a kiosk"), form=form, back=back)

    @action(description=_("Pair a tablet"), permissions=["change"], icon="qr_code_2")
    def pair(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = get_object_or_404(ApiKey, pk=number_of(object_id))
        self.demand(request.user.has_perm("recognition.view_identity"))
        back = reverse("admin:recognition_apikey_change", args=[key.pk])
        if request.method == "POST":
            codes: list[str] = []
            if not self.attempt(request, lambda: codes.append(keys.open_pairing(key))):
                return HttpResponseRedirect(back)
            self.log_change(request, key, noted("Opened pairing."))
            return self._show_code(request, key, codes[0])
        points = [
            _("A code is shown for %(minutes)s minutes. The tablet on which it is typed becomes this kiosk.")
            % {"minutes": keys.PAIRING_MINUTES},
            _("A tablet that is this kiosk now goes on until then, and is turned away from there on."),
        ]
        return self.confirm(
            request,
            title=_("Pair a tablet as %(key)s?") % {"key": key.name},
            button=_("Show the code"),
            back=back,
            points=points,
        )

    def pairing_state(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asked by the page that shows a code."""
        self.demand(request.user.has_perm("recognition.view_apikey"))
        key = get_object_or_404(ApiKey, pk=number_of(object_id))
        return JsonResponse({"paired": not key.pairing_digest and key.paired_at is not None})

    def _show_code(self, request: HttpRequest, key: ApiKey, code: str) -> HttpResponse:
        """The answer itself shows it, so that its text is kept nowhere."""
        address = request.build_absolute_uri(reverse("kiosk:app"))
        page = self.page(
            request,
            "admin/recognition/kiosk/code.html",
            _("Pair a tablet as %(key)s") % {"key": key.name},
            key=key,
            code=f"{code[:4]}-{code[4:]}",
            qr=qr_code(f"{address}#{code}"),
            address=address,
            minutes=keys.PAIRING_MINUTES,
            secure=request.is_secure() or request.get_host().partition(":")[0] in ("localhost", "127.0.0.1"),
            state_url=reverse("admin:recognition_apikey_pairing", args=[key.pk]),
            back=reverse("admin:recognition_apikey_change", args=[key.pk]),
        )
        page["Cache-Control"] = "no-store"
        return page

    def get_urls(self) -> list[URLPattern]:
        state = self.own_path("<path:object_id>/pairing/", self.pairing_state, "pairing")
        return [state, *super().get_urls()]

    def say_unpaired(self, request: HttpRequest, key: ApiKey) -> None:
        if not key.digest and not key.revoked_at:
            self.message_user(request, _("No tablet is paired yet."), messages.WARNING)
