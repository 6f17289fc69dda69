"""All enrolment photos in one list, for finding those that wait or were rejected. One is looked at with its person."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from recognition.admin.base import Deleted, Labelled
from recognition.admin.cards import STATE_LABELS
from recognition.admin.filters import ReasonFilter
from recognition.admin.review import ReviewPages
from recognition.models import Photo
from recognition.services import enrolment
from recognition.services.wording import noted, reason_text


@admin.register(Photo)
class PhotoAdmin(ReviewPages):
    list_display = ("picture", "person", "state_label", "why", "created_at")
    list_display_links = ("picture",)
    list_filter = ("state", ReasonFilter)
    list_select_related = ("identity",)
    search_fields = ("identity__name__spelled", "identity__external_id", "filename")
    search_help_text = _("Person, ID or file name")
    ordering = ("-id",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Photo]:
        queryset: QuerySet[Photo] = super().get_queryset(request)
        return queryset.filter(identity__merged_into=None).defer("faces")

    @display(description=_("photo"), header=True, ordering="filename")
    def picture(self, photo: Photo) -> list[Any]:
        view = "recognition:photo-crop" if photo.crop else "recognition:photo-image"
        face = {"path": reverse(view, args=[photo.pk])} if photo.crop or photo.image else None
        return [photo.filename or _("without a name"), f"{photo.width} × {photo.height}", "", face]

    @display(description=_("person"), ordering="identity__name")
    def person(self, photo: Photo) -> str:
        url = reverse("admin:recognition_identity_change", args=[photo.identity_id])
        return format_html('<a href="{}" class="text-link">{}</a>', url, photo.identity.name)

    @display(description=_("state"), ordering="state", label=STATE_LABELS)
    def state_label(self, photo: Photo) -> Labelled:
        return Labelled(photo.state, photo.get_state_display())

    @display(description=_("what to do"), ordering="reason")
    def why(self, photo: Photo) -> str:
        return reason_text(photo.reason) if photo.reason else ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # photos are added on the person's page

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        self.demand(self.has_view_permission(request))
        photo = self.get_object(request, object_id)
        if photo is None:
            response: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            return response
        return HttpResponseRedirect(_place(photo))

    # --- what the cards on the person's page post to

    def choose_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.demand(self.has_change_permission(request))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        photo = get_object_or_404(Photo, pk=pk)
        face = request.POST.get("face", "")
        if not (face.isascii() and face.isdigit() and len(face) < 4):
            self.message_user(request, _("Choose one of the faces."), messages.ERROR)
        elif self.attempt(request, lambda: enrolment.choose_face(photo=photo, face=int(face))):
            self.log_change(request, photo, noted("Chose face %(number)s.", number=int(face) + 1))
        return HttpResponseRedirect(_place(photo))

    def accept_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.demand(self.has_change_permission(request))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        photo = get_object_or_404(Photo, pk=pk)
        if self.attempt(request, lambda: enrolment.accept_photo(photo)):
            self.log_change(
                request, photo, noted("Accepted it in spite of: %(reason)s.", reason=photo.reason)
            )
        return HttpResponseRedirect(_place(photo))

    def remove_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.demand(self.has_delete_permission(request))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        photo = get_object_or_404(Photo, pk=pk)
        self.log_deletions(request, [photo])
        self.attempt(request, lambda: enrolment.delete_photo(photo), _("The photo was deleted."))
        return HttpResponseRedirect(f"{_person_url(photo)}#photos")

    def delete_model(self, request: HttpRequest, obj: Photo) -> None:
        enrolment.delete_photo(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Photo]) -> None:
        for photo in queryset:
            enrolment.delete_photo(photo)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Deleted:
        rows = list(objs)
        lacking = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        count = {str(_("photos with their crops and face vectors")): len(rows)}
        return [photo.filename or str(photo) for photo in rows], count, lacking, []

    def get_urls(self) -> list[URLPattern]:
        return [
            self.own_path("<int:pk>/choose/", self.choose_view, "choose"),
            self.own_path("<int:pk>/accept/", self.accept_view, "accept"),
            self.own_path("<int:pk>/remove/", self.remove_view, "remove"),
            *self.review_paths(),
            *super().get_urls(),
        ]


def _person_url(photo: Photo) -> str:
    return reverse("admin:recognition_identity_change", args=[photo.identity_id])


def _place(photo: Photo) -> str:
    return f"{_person_url(photo)}?photo={photo.pk}#photo-{photo.pk}"
