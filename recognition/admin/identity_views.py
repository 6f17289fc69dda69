"""What can be done on a person's page beside the form: photos, suspend, resume, merge."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from recognition.admin.base import SiteAdmin, number_of
from recognition.admin.cards import photo_card
from recognition.admin.identity_form import UploadForm, bytes_of
from recognition.admin.identity_list import face_of
from recognition.admin.identity_page import progress, resemblance
from recognition.engine.types import EngineError
from recognition.models import Identity, Merge, Photo
from recognition.services import enrolment, identities
from recognition.services.errors import Invalid, ServiceError
from recognition.services.wording import noted

ASKED_AT_ONCE = 200  # photos of one question about their state
FOUND = 12  # people shown when looking for the one to merge into


def now_of(status: str) -> str:
    """For the history of whoever was suspended or resumed."""
    return noted("Now suspended.") if status == Identity.Status.SUSPENDED else noted("Now active.")


class PersonViews(SiteAdmin):
    """Mixed into the admin of people."""

    def person_urls(self) -> list[URLPattern]:
        return [
            self.own_path("look/", self.look_view, "look"),
            self.own_path("<int:pk>/photos/", self.upload_view, "upload"),
            self.own_path("<int:pk>/photos/state/", self.state_view, "state"),
            self.own_path("merges/<int:merge_id>/undo/", self.undo_merge_view, "undo_merge"),
        ]

    def person_url(self, pk: int) -> str:
        return reverse("admin:recognition_identity_change", args=[pk])

    # --- photos

    def look_view(self, request: HttpRequest) -> HttpResponse:
        """What is seen in a frame of the camera of who takes photos. Nobody is looked for, nothing is kept."""
        may = request.user.has_perm
        self.demand(may("recognition.add_photo") or may("recognition.view_identity"))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            seen = enrolment.guide(bytes_of(request.FILES.get("frame")))
        except (ServiceError, EngineError) as error:
            status = 400 if isinstance(error, Invalid) else 503
            return JsonResponse({"message": str(error)}, status=status)
        return JsonResponse(seen.as_answer())

    def upload_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Add photos. The uploader sends one at a time and wants JSON; without script it is a plain form."""
        self.demand(request.user.has_perm("recognition.add_photo") and self.has_view_permission(request))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        identity = get_object_or_404(Identity, pk=pk)
        form = UploadForm(request.POST, request.FILES)
        kept: list[Photo] = []
        problems: list[str] = []
        if form.is_valid():
            handed_in = form.cleaned_data["photos"]
            kept = enrolment.keep_uploads(identity, handed_in)
            problems = [str(refusal) for refusal in handed_in.refused]
            if kept:
                added = (
                    noted("Added %(number)s photo.", number=1)
                    if len(kept) == 1
                    else noted("Added %(number)s photos.", number=len(kept))
                )
                self.log_change(request, identity, added)
        else:
            problems = [message for errors in form.errors.values() for message in errors]
        if request.accepts("text/html"):
            for problem in problems:
                self.message_user(request, problem, messages.WARNING)
            return HttpResponseRedirect(f"{self.person_url(pk)}#photos")
        shown = kept if request.user.has_perm("recognition.view_photo") else []
        answer = {
            "taken": len(kept),
            "pks": [photo.pk for photo in kept],
            "cards": self._cards(request, shown),
            "problems": problems,
            "progress": progress(identity),
        }
        return JsonResponse(answer, status=200 if kept else 400)

    def state_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Which of the photos ?pks=1,2,3 are finished, as cards, and how far all of them are."""
        self.demand(self.has_view_permission(request) and request.user.has_perm("recognition.view_photo"))
        identity = get_object_or_404(Identity, pk=pk)
        asked = [int(n) for n in request.GET.get("pks", "").split(",") if n.isascii() and n.isdigit()]
        rows = identity.photos.filter(pk__in=asked[:ASKED_AT_ONCE])
        finished = [photo for photo in rows if photo_card(photo).finished]
        gone = sorted(set(asked[:ASKED_AT_ONCE]) - {photo.pk for photo in rows})
        answer = {"cards": self._cards(request, finished), "gone": gone, "progress": progress(identity)}
        return JsonResponse(answer, headers={"Cache-Control": "no-store"})

    def _cards(self, request: HttpRequest, photos: list[Photo]) -> list[dict[str, Any]]:
        may = request.user.has_perm
        rights = {
            "may_choose": may("recognition.change_photo"),
            "may_delete_photos": may("recognition.delete_photo"),
        }
        template = "admin/recognition/photo_card.html"
        return [
            {"pk": p.pk, "html": render_to_string(template, {"card": photo_card(p), **rights}, request)}
            for p in photos
        ]

    # --- suspend, resume

    @action(description=_("Suspend"), permissions=["change"], icon="pause")
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set_status(
            request,
            object_id,
            Identity.Status.SUSPENDED,
            title=_("Suspend {name}?"),
            button=_("Suspend"),
            points=[
                _("Not recognised any more, from the next request on."),
                _("Nothing is lost: photos stay."),
            ],
        )

    @action(description=_("Resume"), permissions=["change"], icon="play_arrow")
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set_status(
            request,
            object_id,
            Identity.Status.ACTIVE,
            title=_("Resume {name}?"),
            button=_("Resume"),
            points=[_("Recognised again, from the next request on.")],
        )

    def _set_status(
        self, request: HttpRequest, object_id: str, status: str, *, title: str, button: str, points: list[str]
    ) -> HttpResponse:
        identity = get_object_or_404(Identity, pk=number_of(object_id))
        back = self.person_url(identity.pk)
        if request.method != "POST":
            asked = title.replace("{name}", identity.name)
            return self.confirm(request, title=asked, button=button, back=back, points=points)
        if self.attempt(
            request,
            lambda: identities.update_identity(identity, status=status),
            _("%(identity)s is now %(status)s.") % {"identity": identity.name, "status": status},
        ):
            self.log_change(request, identity, now_of(status))
        return HttpResponseRedirect(back)

    # --- a copy of everything for the person

    def has_export_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whoever may look at all of it one by one."""
        return bool(
            request.user.has_perms(
                [f"recognition.view_{name}" for name in ("identity", "photo", "decision", "consent")]
            )
        )

    @action(description=_("Copy for the person"), permissions=["export"], icon="download")
    def copy(self, request: HttpRequest, object_id: str) -> HttpResponse:
        identity = get_object_or_404(Identity, pk=number_of(object_id))
        back = self.person_url(identity.pk)
        if request.method != "POST":
            return self.confirm(
                request,
                title=_("A copy of everything about %(identity)s") % {"identity": identity.name},
                button=_("Download"),
                back=back,
                points=[
                    _(
                        "One zip file with photos, vectors, decisions and consents, to be handed to "
                        "the person."
                    ),
                    _("Make sure that it is the person who asks, and hand it over safely."),
                ],
            )
        file = identities.open_access_copy(identity)
        self.log_change(request, identity, noted("Took a copy of everything about the person."))
        answer = FileResponse(file, as_attachment=True, filename=f"person-{identity.pk}.zip")
        answer["Cache-Control"] = "no-store"
        return cast(HttpResponse, answer)

    # --- merge

    @action(description=_("Merge"), permissions=["change", "delete"], icon="merge")
    def merge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """First choose into whom (?q= searches), then confirm (?into=), then do it."""
        identity = get_object_or_404(Identity, pk=number_of(object_id))
        chosen = request.GET.get("into", "")
        if not chosen:
            return self._choose_partner(request, identity)
        into = get_object_or_404(Identity.objects.exclude(pk=identity.pk), pk=number_of(chosen))
        if request.method == "POST":
            done = self.attempt(
                request,
                lambda: identities.merge(into=into, other=identity, user_id=request.user.pk),
                _("%(identity)s was merged into %(into)s.") % {"identity": identity, "into": into},
            )
            if not done:
                return HttpResponseRedirect(self.person_url(identity.pk))
            self.log_change(
                request, into, noted("Merged person %(number)s into this one.", number=identity.pk)
            )
            return HttpResponseRedirect(self.person_url(into.pk))
        both = self._with_face(request, Identity.objects.filter(pk__in=[identity.pk, into.pk]))
        pair = {row.pk: row for row in both}
        return self.page(
            request,
            "admin/recognition/identity/merge_confirm.html",
            _("Merge two people"),
            person=pair[identity.pk],
            into=pair[into.pk],
            back=self.person_url(identity.pk),
        )

    def undo_merge_view(self, request: HttpRequest, merge_id: int) -> HttpResponse:
        merge = get_object_or_404(Merge.objects.select_related("into", "other"), pk=merge_id)
        self.demand(self.has_change_permission(request) and self.has_delete_permission(request))
        back = self.person_url(merge.into_id)
        if request.method != "POST":
            points = [
                _(
                    "%(other)s is a person again, with the photos, vectors, attendance, consents "
                    "and account of then."
                )
                % {"other": merge.other},
                _("What was added to %(into)s since stays with %(into)s, and so do later events.")
                % {"into": merge.into.name},
            ]
            title = _("Part %(other)s from %(into)s again?") % {
                "other": merge.other.name,
                "into": merge.into.name,
            }
            return self.confirm(request, title=title, button=_("Undo the merge"), back=back, points=points)
        if not self.attempt(
            request,
            lambda: identities.undo_merge(merge),
            _("%(other)s is a person again.") % {"other": merge.other},
        ):
            return HttpResponseRedirect(back)
        self.log_change(
            request, merge.into, noted("Undid the merge of person %(number)s.", number=merge.other_id)
        )
        return HttpResponseRedirect(self.person_url(merge.other_id))

    def _choose_partner(self, request: HttpRequest, identity: Identity) -> HttpResponse:
        asked = request.GET.get("q", "").replace("\x00", "").strip()
        alike = resemblance(identity)
        scores = {neighbour.identity.pk: neighbour.score for neighbour, _ in alike.found}
        others = Identity.objects.exclude(pk=identity.pk)
        if asked:
            others = others.filter(Q(name__spelled=asked) | Q(external_id__icontains=asked))
        else:
            others = others.filter(pk__in=scores)
        found = list(self._with_face(request, others)[: FOUND + 1])
        for row in found:
            row.score = scores.get(row.pk)  # type: ignore[attr-defined]
        if not asked:
            found.sort(key=lambda row: -scores[row.pk])
        return self.page(
            request,
            "admin/recognition/identity/merge.html",
            _("Merge %(identity)s into …") % {"identity": identity.name},
            person=identity,
            asked=asked,
            found=found[:FOUND],
            more=len(found) > FOUND,
            back=self.person_url(identity.pk),
        )

    def _with_face(self, request: HttpRequest, people: QuerySet[Identity]) -> QuerySet[Identity]:
        may = request.user.has_perm("recognition.view_photo")
        return people.annotate(face=face_of()) if may else people
