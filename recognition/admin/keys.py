"""API keys of kiosks: made, shown once, revoked. A key is never deleted, so that its past decisions keep its name."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from recognition.admin.base import NO_SAVE, Labelled, SiteAdmin, number_of
from recognition.admin.filters import RevokedFilter
from recognition.admin.kiosks import KioskPages, is_kiosk
from recognition.models import ApiKey
from recognition.services import keys
from recognition.services.wording import noted

SCOPES = {
    ApiKey.Scope.IDENTIFY: _("Identify: say who is in a picture"),
    ApiKey.Scope.VERIFY: _("Verify: say whether a picture is of a certain person"),
    ApiKey.Scope.ENROL: _("Enrol: add people and photos, choose among several faces"),
    ApiKey.Scope.READ: _("Read: list people, photos and events"),
    ApiKey.Scope.ATTENDANCE: _("Attendance: record who comes and goes"),
    ApiKey.Scope.ADMIN: _("Admin: everything"),
}

_ENROL = ("add_identity", "add_photo", "change_photo")
_READ = ("view_identity", "view_photo", "view_decision")
# What somebody must be allowed to do to give it to a kiosk: a key would else be a way to any right.
NEEDED: dict[str, tuple[str, ...]] = {
    ApiKey.Scope.IDENTIFY: ("view_identity",),
    ApiKey.Scope.VERIFY: (),
    ApiKey.Scope.ENROL: _ENROL,
    ApiKey.Scope.READ: _READ,
    ApiKey.Scope.ATTENDANCE: ("view_identity",),
    ApiKey.Scope.ADMIN: (*_ENROL, *_READ, "change_identity", "delete_identity", "delete_photo"),
}

EDITED = ("place", "direction", "pause_seconds", "liveness")  # of a kiosk, from its next picture on
SHOWN: tuple[tuple[str, ...], ...] = (
    ("name", "state"),
    ("place",),
    ("direction", "pause_seconds"),
    ("shown_prefix", "shown_scopes"),
    ("liveness",),
    ("created_at", "created_by"),
    ("last_used_at", "revoked_at"),
    ("paired_at",),
)
OF_ATTENDANCE = {"direction", "pause_seconds", "paired_at"}


STATES = {"in_force": "success", "revoked": "danger", "waits": "warning"}


class KeyForm(forms.ModelForm):
    class Meta:
        model = ApiKey
        fields = ("name", "place", "scopes", "liveness")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "liveness" in self.fields:
            self.fields["liveness"].required = False  # nothing is asked of people unless somebody chooses it


def may_give(user: Any) -> list[str]:
    """The scopes of keys that this user may issue."""
    return [
        scope
        for scope, rights in NEEDED.items()
        if user.has_perms([f"recognition.{right}" for right in rights])
    ]


def form_for(user: Any) -> type[KeyForm]:
    scopes = forms.MultipleChoiceField(
        label=_("May"),
        choices=[(scope, SCOPES[ApiKey.Scope(scope)]) for scope in may_give(user)],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("Give a kiosk no more than it needs. You can give only what you may do yourself."),
    )
    return type("KeyFormOfUser", (KeyForm,), {"scopes": scopes})


@admin.register(ApiKey)
class ApiKeyAdmin(KioskPages, SiteAdmin):
    list_display = (
        "name",
        "place",
        "state",
        "shown_prefix",
        "shown_scopes",
        "last_used_at",
        "created_by",
        "created_at",
    )
    list_select_related = ("created_by",)
    list_filter = (RevokedFilter,)
    search_fields = ("name", "place", "prefix")
    search_help_text = _("Kiosk, place, or the beginning of its key")
    fields = ("name", "place", "scopes", "liveness")
    actions = ("revoke_selected",)
    actions_list = ("add_kiosk",)
    actions_detail = ("pair", "revoke")

    @display(description=_("key begins with"), ordering="prefix", empty_value="–")
    def shown_prefix(self, key: ApiKey) -> str | None:
        return f"{keys.MARK}_{key.prefix}…" if key.digest else None

    @display(description=_("state"), ordering="revoked_at", label=STATES)
    def state(self, key: ApiKey) -> Labelled:
        if key.revoked_at:
            return Labelled("revoked", _("revoked"))
        return (
            Labelled("in_force", _("in force"))
            if key.digest
            else Labelled("waits", _("waits for its tablet"))
        )

    @display(description=_("may"))
    def shown_scopes(self, key: ApiKey) -> str:
        return ", ".join(str(ApiKey.Scope(scope).label) for scope in key.scopes)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = form_for(request.user)
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is None:
            return self.fields
        left_out = set() if keys.allows(obj, ApiKey.Scope.ATTENDANCE) else OF_ATTENDANCE
        return [row for row in SHOWN if not left_out & set(row)]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is None:
            return ()
        edited = EDITED if self._may_edit(request, obj) else ()
        return tuple(name for row in SHOWN for name in row if name not in edited)

    def _may_edit(self, request: HttpRequest, key: ApiKey) -> bool:
        return is_kiosk(key) and key.revoked_at is None and self.has_change_permission(request, key)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        hidden = {"show_save_and_continue": False, "show_save_and_add_another": False}
        response: HttpResponse = super().add_view(request, form_url, {**(extra_context or {}), **hidden})
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        key = ApiKey.objects.filter(pk=number_of(object_id)).first()
        saved = key is not None and self._may_edit(request, key)
        save = {**NO_SAVE, "show_save": True} if saved else NO_SAVE
        context = {**(extra_context or {}), **save}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:  # nothing but these can be edited
            edited = {name: form.cleaned_data[name] for name in EDITED if name in form.cleaned_data}
            if edited:
                keys.change_kiosk(obj, **edited)
            return
        scopes = form.cleaned_data["scopes"]
        self.demand(set(scopes) <= set(may_give(request.user)))
        key, text = keys.issue_key(
            name=obj.name,
            place=obj.place,
            scopes=scopes,
            liveness=obj.liveness or ApiKey.Liveness.OFF,
            user_id=request.user.pk,
        )
        obj.__dict__.update(key.__dict__)
        request.issued_key = text  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The one page that shows the key. It is the answer itself, so that the text is kept nowhere."""
        page = self.page(
            request,
            "admin/recognition/apikey/issued.html",
            _("New API key"),
            key=obj,
            text=request.issued_key,  # type: ignore[attr-defined]
            back=reverse("admin:recognition_apikey_changelist"),
        )
        page["Cache-Control"] = "no-store"
        return page

    @action(description=_("Revoke"), permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        in_force = list(queryset.filter(revoked_at=None))
        for key in in_force:
            keys.revoke_key(key)
            self.log_change(request, key, noted("Revoked."))
        said = ngettext("%(number)s key was revoked.", "%(number)s keys were revoked.", len(in_force))
        self.message_user(request, said % {"number": len(in_force)}, messages.SUCCESS)

    @action(description=_("Revoke"), permissions=["change"], icon="block")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = get_object_or_404(ApiKey, pk=number_of(object_id))
        back = reverse("admin:recognition_apikey_change", args=[key.pk])
        if request.method == "POST":
            keys.revoke_key(key)
            self.log_change(request, key, noted("Revoked."))
            self.message_user(
                request, _("The key of %(key)s is revoked.") % {"key": key.name}, messages.SUCCESS
            )
            return HttpResponseRedirect(back)
        return self.confirm(
            request,
            title=_("Revoke the key of %(key)s?") % {"key": key.name},
            button=_("Revoke"),
            back=back,
            points=[
                _("The kiosk is turned away from its next request on."),
                _("A revoked key cannot be brought back."),
            ],
            danger=True,
        )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Nothing is done to a revoked key, and only a kiosk is paired: another device has its key already."""
        key = ApiKey.objects.filter(pk=number_of(object_id), revoked_at=None).first()
        if key is None:
            return []
        actions = list(super().get_actions_detail(request, object_id))
        return (
            actions if is_kiosk(key) else [a for a in actions if a.action_name.rpartition("_")[2] != "pair"]
        )
