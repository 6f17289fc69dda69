"""People in the admin."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.db.models import QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils import formats, timezone
from django.utils.html import conditional_escape, format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from recognition.admin.base import Deleted, Labelled, SiteAdmin, number_of
from recognition.admin.consents import PersonConsent
from recognition.admin.identity_form import EnrolForm
from recognition.admin.identity_list import AccountFilter, ConsentFilter, PhotosFilter, with_columns
from recognition.admin.identity_page import person_context
from recognition.admin.identity_views import PersonViews, now_of
from recognition.admin.invitations import PersonInvitations
from recognition.admin.many import ManyPages
from recognition.models import Consent, Decision, Embedding, Erasure, Identity, Photo
from recognition.services import enrolment, identities

VIEW = "people_view"  # a cookie
VIEWS = ("faces", "table")
A_YEAR = 365 * 24 * 3600


@admin.register(Identity)
class IdentityAdmin(PersonViews, ManyPages, PersonConsent, PersonInvitations, SiteAdmin):
    list_display = (
        "person",
        "external_id",
        "status_label",
        "ready_photos",
        "waiting_photos",
        "rejected_photos",
        "last_recognised",
        "user",
    )
    list_select_related = ("user",)
    list_filter = ("status", PhotosFilter, ConsentFilter, AccountFilter)
    search_fields = ("name__spelled", "external_id", "user__username")
    search_help_text = _("Name, ID or account")
    autocomplete_fields = ("user",)
    add_fieldsets = ((None, {"fields": ("name", "external_id", "consent", "photos")}),)
    fieldsets = (
        (None, {"fields": ("name", "external_id", "user", ("status_label", "created_at"), "consent_label")}),
    )
    readonly_fields = ("status_label", "created_at", "consent_label")
    actions = ("suspend_selected", "resume_selected")
    actions_list = ("enrol_many",)
    actions_detail = ("suspend", "resume", "consent", "invite", "copy", "merge")
    change_form_outer_after_template = "admin/recognition/identity/person.html"

    class Media:
        js = tuple(
            Script(f"{name}.js", defer=True)
            for name in (
                "site/shot",
                "site/dropzone",
                "site/station",
                "admin_recognition/photos",
            )
        )

    # --- the list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Identity]:
        queryset: QuerySet[Identity] = super().get_queryset(request)
        return with_columns(queryset, faces=request.user.has_perm("recognition.view_photo"))

    @display(description=_("person"), header=True, ordering="name")
    def person(self, identity: Any) -> list[Any]:
        face = identity.face and {"path": reverse("recognition:photo-crop", args=[identity.face])}
        initials = "".join(word[0] for word in identity.name.split()[:2])
        return [identity.name, "", initials, face]

    @display(
        description=_("status"),
        ordering="status",
        label={Identity.Status.ACTIVE: "success", Identity.Status.SUSPENDED: "warning"},
    )
    def status_label(self, identity: Identity) -> Labelled:
        return Labelled(identity.status, identity.get_status_display())

    @display(description=_("consent"))
    def consent_label(self, identity: Identity) -> str:
        if identity.withdrawn_at:
            erased = timezone.localtime(identities.erase_on(identity))
            return _("withdrawn; erased on %(day)s") % {
                "day": formats.date_format(erased, "LONG_DATETIME_FORMAT")
            }
        consent = identities.consent_of(identity)
        if consent is None:
            return _("none on record")
        return _("version %(version)s, %(day)s") % {
            "version": consent.text.version,
            "day": formats.date_format(timezone.localtime(consent.given_at), "LONG_DATE_FORMAT"),
        }

    @display(description=_("photos ready"), ordering="ready")
    def ready_photos(self, identity: Any) -> int:
        return int(identity.ready)

    @display(description=_("waiting"), ordering="waiting")
    def waiting_photos(self, identity: Any) -> str:
        return str(identity.waiting or "–")

    @display(description=_("rejected"), ordering="rejected")
    def rejected_photos(self, identity: Any) -> str:
        return str(identity.rejected or "–")

    @display(description=_("last recognised"), ordering="last_recognised", empty_value=_("never"))
    def last_recognised(self, identity: Any) -> Any:
        return identity.last_recognised

    @action(description=_("Suspend"), permissions=["change"])
    def suspend_selected(self, request: HttpRequest, queryset: QuerySet[Identity]) -> None:
        self._change_all(request, queryset, Identity.Status.SUSPENDED)

    @action(description=_("Resume"), permissions=["change"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Identity]) -> None:
        self._change_all(request, queryset, Identity.Status.ACTIVE)

    def _change_all(self, request: HttpRequest, queryset: QuerySet[Identity], status: str) -> None:
        changed = 0
        for identity in queryset.exclude(status=status):
            if self.attempt(request, lambda pk=identity: identities.update_identity(pk, status=status)):
                self.log_change(request, identity, now_of(status))
                changed += 1
        if status == Identity.Status.ACTIVE:
            said = ngettext(
                "%(number)s person is recognised again.", "%(number)s people are recognised again.", changed
            )
        else:
            said = ngettext(
                "%(number)s person is not recognised any more.",
                "%(number)s people are not recognised any more.",
                changed,
            )
        self.message_user(request, said % {"number": changed}, messages.SUCCESS)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """As faces, or as a table where somebody chose that: ?view= is remembered by the browser."""
        asked = request.GET.get("view", "")
        if asked in VIEWS:
            response = HttpResponseRedirect(request.path)
            response.set_cookie(VIEW, asked, max_age=A_YEAR, httponly=True, samesite="Lax")
            return response
        table = (
            request.COOKIES.get(VIEW) == "table" or IS_POPUP_VAR in request.GET or request.method == "POST"
        )
        return super().changelist_view(request, (extra_context or {}) | {"as_faces": not table})

    # --- adding, changing, erasing

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None and request.user.has_perm("recognition.add_photo"):
            kwargs["form"] = EnrolForm
        form = super().get_form(request, obj, change=change, **kwargs)
        if (
            "user" in form.base_fields
        ):  # an account is made by the button below, already with the person's name
            form.base_fields["user"].widget.can_add_related = False
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        # Without this permission the box to choose an account from would stay empty.
        return fields if request.user.has_perm("accounts.view_user") else (*fields, "user")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None and not request.user.has_perm("recognition.add_photo"):
            return ((None, {"fields": ("name", "external_id")}),)
        return fieldsets

    def save_model(self, request: HttpRequest, obj: Identity, form: Any, change: bool) -> None:
        if change:
            names = {"name": "name", "external_id": "external_id", "user": "user_id"}
            changes = {names[f]: getattr(obj, names[f]) for f in form.changed_data if f in names}
            if changes:
                identities.update_identity(obj, **changes)
            return
        created = identities.create_identity(name=obj.name, external_id=obj.external_id)
        obj.pk, obj._state.adding = created.pk, False
        if form.cleaned_data.get("consent"):
            by = request.user.get_username()
            version = form.cleaned_data["consent_version"]
            identities.give_consent(created, way=Consent.Way.STAFF, by=by, version=version)
        handed_in = form.cleaned_data.get("photos")
        if handed_in:
            enrolment.keep_uploads(created, handed_in)
            for refusal in handed_in.refused:
                self.message_user(request, str(refusal), messages.WARNING)

    def response_add(
        self, request: HttpRequest, obj: Identity, post_url_continue: str | None = None
    ) -> HttpResponse:
        """To the person's page, where the photos can be watched, unless the next person is to be added."""
        response = super().response_add(request, obj, post_url_continue)
        if {"_addanother", "_popup"} & request.POST.keys() or not self.has_view_permission(request, obj):
            return response
        return HttpResponseRedirect(self.person_url(obj.pk))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        merged = Identity.everyone.filter(pk=number_of(object_id)).exclude(merged_into=None).first()
        if merged is not None and self.has_view_permission(request):
            self.message_user(request, _("%(merged)s was merged into this person.") % {"merged": merged})
            return HttpResponseRedirect(self.person_url(cast(int, merged.merged_into_id)))
        identity = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if identity is not None and self.has_view_permission(request, identity):
            context |= person_context(request, identity)
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only one of suspend and resume makes sense."""
        suspended = Identity.objects.filter(
            pk=number_of(object_id), status=Identity.Status.SUSPENDED
        ).exists()
        hidden = "suspend" if suspended else "resume"
        actions = super().get_actions_detail(request, object_id)
        return [action for action in actions if not action.action_name.endswith(f"_{hidden}")]

    def get_actions(self, request: HttpRequest) -> Any:
        """Erasing goes by one name everywhere."""
        actions = super().get_actions(request)
        if "delete_selected" in actions:
            function, name, __ = actions["delete_selected"]
            actions["delete_selected"] = (function, name, _("Erase"))
        return actions

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        response: HttpResponse = super().delete_view(
            request, object_id, (extra_context or {}) | {"title": _("Erase a person")}
        )
        return response

    def delete_model(self, request: HttpRequest, obj: Identity) -> None:
        self._erase(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Identity]) -> None:
        for identity in queryset:
            self._erase(request, identity)

    def _erase(self, request: HttpRequest, identity: Identity) -> None:
        pk = identity.pk
        if identities.erase(identity, by=request.user.get_username()) is None:
            return
        if request.user.has_perm("recognition.view_erasure"):
            erasure = Erasure.objects.filter(person=pk).first()
            page = reverse("admin:recognition_erasure_change", args=[erasure.pk])
            said = format_html(
                conditional_escape(_("What was erased is on a signed %(receipt)s.")) % {"receipt": "{}"},
                format_html('<a class="text-link" href="{}">{}</a>', page, _("receipt")),
            )
            self.message_user(request, said, messages.SUCCESS)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Deleted:
        """What goes with a person, in words and numbers instead of a tree of rows."""
        identities = list(objs)
        gone = {"identity__in": identities}
        photos = Photo.objects.filter(**gone).count()
        vectors = Embedding.objects.filter(**gone).count()
        decisions = Decision.objects.filter(**gone).count()
        count = {
            ngettext("person", "people", len(identities)): len(identities),
            ngettext("photo and its crop", "photos and their crops", photos): photos,
            ngettext("face vector", "face vectors", vectors): vectors,
            ngettext(
                "decision that will no longer name them", "decisions that will no longer name them", decisions
            ): decisions,
        }
        lacking = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        return [str(identity) for identity in identities], count, lacking, []

    def get_urls(self) -> list[URLPattern]:
        return [*self.person_urls(), *self.many_urls(), *super().get_urls()]
