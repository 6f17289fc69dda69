"""The review queue: one doubtful photo at a time beside the people it may show, and one key for each answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.translation import gettext_lazy as _

from recognition.admin.base import SiteAdmin, number_of
from recognition.models import Identity, Photo
from recognition.services import enrolment
from recognition.services.wording import noted, reason_text

FACES = 4  # of each person, beside the photo


@dataclass(frozen=True, slots=True)
class Side:
    """A person and the photos of theirs that count."""

    identity: Identity
    faces: list[int]


def side_of(identity: Identity | None) -> Side | None:
    if identity is None:
        return None
    ready = identity.photos.filter(state=Photo.State.READY).exclude(crop="").order_by("-id")
    return Side(identity, list(ready.values_list("pk", flat=True)[:FACES]))


class ReviewPages(SiteAdmin):
    """Mixed into the admin of photos."""

    def review_view(self, request: HttpRequest) -> HttpResponse:
        self.demand(self.has_view_permission(request) and request.user.has_perm("recognition.view_identity"))
        queue = enrolment.photos_in_review()
        after = number_of(request.GET.get("after", ""))
        photo = queue.filter(pk__gt=after).first() or queue.first()
        context = {"left": queue.count(), "photo": photo}
        if photo is not None:
            may_change = self.has_change_permission(request)
            context |= {
                "reason": reason_text(photo.reason),
                "own": side_of(photo.identity),
                "other": side_of(photo.resembles),
                "may_change": may_change,
                "may_merge": may_change
                and request.user.has_perm("recognition.change_identity")
                and request.user.has_perm("recognition.delete_identity"),
            }
        return self.page(request, "admin/recognition/review.html", _("Photos to review"), **context)

    def answer_view(self, request: HttpRequest, pk: int, answer: str) -> HttpResponse:
        self.demand(self.has_change_permission(request))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        photo = get_object_or_404(Photo.objects.select_related("identity", "resembles"), pk=pk)
        person, other = photo.identity.name, photo.resembles
        answers: dict[str, tuple[Callable[[], object], str]] = {
            "confirm": (
                lambda: enrolment.confirm_photo(photo),
                _("It counts for %(person)s in a moment.") % {"person": person},
            ),
            "reject": (
                lambda: enrolment.reject_photo(photo),
                _("It does not count for %(person)s.") % {"person": person},
            ),
        }
        if other is not None:
            answers["move"] = (
                lambda: enrolment.move_photo(photo, other),
                _("It is %(name)s's now.") % {"name": other.name},
            )
            answers["merge"] = (
                lambda: enrolment.merge_people_of(photo, user_id=request.user.pk),
                _("%(person)s and %(other)s are one person now.") % {"person": person, "other": other.name},
            )
        if answer not in answers:  # whom it resembled was erased meanwhile
            self.message_user(request, _("This photo resembles nobody any more. Look again."), messages.ERROR)
            return HttpResponseRedirect(_queue())
        if answer == "merge":
            self.demand(
                request.user.has_perm("recognition.change_identity")
                and request.user.has_perm("recognition.delete_identity")
            )
        wish, said = answers[answer]
        if self.attempt(request, wish, said):
            self.log_change(request, photo, noted("Review: %(answer)s.", answer=answer))
        return HttpResponseRedirect(f"{_queue()}?after={pk}")

    def review_paths(self) -> list[URLPattern]:
        return [
            self.own_path("review/", self.review_view, "review"),
            *[
                self.own_path(f"<int:pk>/review/{answer}/", self._answering(answer), f"review_{answer}")
                for answer in ("confirm", "move", "merge", "reject")
            ],
        ]

    def _answering(self, answer: str) -> Callable[..., HttpResponse]:
        return lambda request, pk: self.answer_view(request, pk, answer)


def _queue() -> str:
    return reverse("admin:recognition_photo_review")
