"""Consent in the admin: the texts, and a page on which that of one person is recorded or withdrawn."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from recognition.admin.base import NO_SAVE, SiteAdmin, number_of
from recognition.models import Consent, ConsentText, Identity
from recognition.services import identities
from recognition.services.wording import noted

PUBLIC_PAGE = "accounts:consent-link"


class ConsentForm(forms.Form):
    agreed = forms.BooleanField(error_messages={"required": _("Tick that the person has agreed.")})
    version = forms.IntegerField(min_value=1)
    given_on = forms.DateField(required=False)
    note = forms.CharField(required=False, max_length=200)

    def clean_given_on(self) -> date | None:
        day: date | None = self.cleaned_data["given_on"]
        if day and day > timezone.localdate():
            raise forms.ValidationError(_("Nobody can have agreed at a time to come."))
        return day


class PersonConsent(SiteAdmin):
    """Mixed into the admin of people."""

    @action(description=_("Consent"), permissions=["change"], icon="handshake")
    def consent(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What is on record, the person's own link; record one (POST), withdraw it (?withdraw asks first)."""
        identity = get_object_or_404(Identity, pk=number_of(object_id))
        if "withdraw" in request.GET:
            return self._withdraw(request, identity)
        if request.method == "POST" and self._give(request, identity):
            return HttpResponseRedirect(request.path)
        in_force = identities.consent_of(identity)
        token = identities.consent_token(identity)
        answer = self.page(
            request,
            "admin/recognition/identity/consent.html",
            _("Consent of %(identity)s") % {"identity": identity.name},
            person=identity,
            in_force=in_force,
            history=identity.consents.select_related("text").order_by("-id"),
            text=identities.consent_text(),
            outdated=in_force is not None and in_force.text != identities.consent_text(),
            erase_on=identities.erase_on(identity),
            required=identities.consent_required(),
            today=timezone.localdate(),
            link=request.build_absolute_uri(reverse(PUBLIC_PAGE, args=[token])),
            link_days=identities.LINK_DAYS,
            back=reverse("admin:recognition_identity_change", args=[identity.pk]),
        )
        answer["Cache-Control"] = "no-store"
        return answer

    def _give(self, request: HttpRequest, identity: Identity) -> bool:
        form = ConsentForm(request.POST)
        if not form.is_valid():
            for errors in form.errors.values():
                self.message_user(request, errors[0], messages.ERROR)
            return False
        done = self.attempt(
            request,
            lambda: identities.give_consent(
                identity,
                way=Consent.Way.STAFF,
                by=request.user.get_username(),
                version=form.cleaned_data["version"],
                given_at=_moment(form.cleaned_data["given_on"]),
                note=form.cleaned_data["note"],
            ),
            _("The consent of %(identity)s is on record.") % {"identity": identity.name},
        )
        if done:
            self.log_change(request, identity, noted("Recorded consent."))
        return done

    def _withdraw(self, request: HttpRequest, identity: Identity) -> HttpResponse:
        if request.method != "POST":
            return self.confirm(
                request,
                title=_("Withdraw the consent of %(identity)s?") % {"identity": identity.name},
                button=_("Withdraw"),
                back=request.path,
                points=[
                    _("Not recognised any more, from the next request on."),
                    identities.when_erased(),
                    _("A new consent stops that; then resume the person."),
                ],
                danger=True,
            )
        if self.attempt(
            request,
            lambda: identities.withdraw_consent(identity, by=request.user.get_username()),
            _("The consent of %(identity)s is withdrawn.") % {"identity": identity.name},
        ):
            self.log_change(request, identity, noted("Withdrew consent."))
        return HttpResponseRedirect(request.path)


def _moment(day: date | None) -> datetime | None:
    """None for today, which is now."""
    if day is None or day == timezone.localdate():
        return None
    return timezone.make_aware(datetime.combine(day, time()))


class TextForm(forms.ModelForm):
    text = forms.CharField(
        label=_("Text"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 16}),
        help_text=_(
            "Plain text, an empty line between paragraphs. It cannot be changed afterwards, only replaced."
        ),
    )

    class Meta:
        model = ConsentText
        fields = ("text",)


@admin.register(ConsentText)
class ConsentTextAdmin(SiteAdmin):
    """Texts are added and looked at, never changed: people agreed to them word by word."""

    list_display = ("version_label", "created_at", "created_by", "agreed")
    list_select_related = ("created_by",)
    fields = ("text",)

    @display(description=_("version"), ordering="version")
    def version_label(self, text: ConsentText) -> str:
        return str(text)

    @display(description=_("people who agreed to it"))
    def agreed(self, text: ConsentText) -> int:
        return text.consents.filter(withdrawn_at=None).values("identity").distinct().count()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        identities.consent_text()  # the first one is made when somebody asks for it
        return super().changelist_view(request, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = TextForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"text": identities.consent_text().text}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("text", "created_at", "created_by")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("text",) if obj is None else ("text", ("created_at", "created_by"))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        hidden = {"show_save_and_continue": False, "show_save_and_add_another": False}
        response: HttpResponse = super().add_view(request, form_url, {**(extra_context or {}), **hidden})
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        response: HttpResponse = super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **NO_SAVE}
        )
        return response

    def save_model(self, request: HttpRequest, obj: ConsentText, form: Any, change: bool) -> None:
        if not change:
            made = identities.publish_consent_text(form.cleaned_data["text"], user_id=request.user.pk)
            obj.__dict__.update(made.__dict__)
