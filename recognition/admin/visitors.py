"""Unknown visitors: who came and is not known, as faces; named, joined or dismissed by a click."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _

from recognition.admin.base import ReadOnlyAdmin, number_of
from recognition.admin.events import place_of, source_of
from recognition.admin.identity_page import faces_of
from recognition.engine.types import EngineError
from recognition.models import Appearance, Decision, Identity, Visitor
from recognition.services import identities, visitors
from recognition.services.visitors import Agreed
from recognition.services.wording import noted

FOUND = 8
SHOWN = 30  # appearances, until somebody asks for all


@admin.register(Visitor)
class VisitorAdmin(ReadOnlyAdmin):
    list_display = ("__str__",)
    change_list_template = "admin/recognition/visitor/change_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return visitors.with_times(Visitor.objects.all()).exclude(last_seen=None)

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["-last_seen", "-pk"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may change visitors sees none by that."""
        return bool(request.user.has_perm("recognition.view_visitor"))

    def has_name_permission(self, request: HttpRequest) -> bool:
        return bool(
            request.user.has_perms(
                ["recognition.change_visitor", "recognition.add_correction", "recognition.view_identity"]
            )
        )

    def has_enrol_permission(self, request: HttpRequest) -> bool:
        may = request.user.has_perms(["recognition.add_identity", "recognition.add_photo"])
        return bool(may) and self.has_name_permission(request)

    # --- the list

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        more = {"days": settings.KEEP_VISITORS_DAYS}
        response = super().changelist_view(request, (extra_context or {}) | more)
        shown = getattr(response, "context_data", {}).get("cl")
        if shown is not None:
            _with_places(list(shown.result_list))
        return response

    # --- one visitor

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self.demand(self.has_view_permission(request))
        visitor = self.get_queryset(request).filter(pk=number_of(object_id)).first()
        if visitor is None:
            self.message_user(request, _("This visitor is gone."), messages.WARNING)
            return HttpResponseRedirect(_list())
        if request.method == "POST":
            return self._answered(request, visitor)
        title = _("Unknown visitor %(number)s") % {"number": visitor.pk}
        return self.page(
            request, "admin/recognition/visitor/visitor.html", title, **self._shown(request, visitor)
        )

    def _answered(self, request: HttpRequest, visitor: Visitor) -> HttpResponse:
        to = request.POST.get("to", "")
        if to == "out":
            return self._take_out(request, visitor)
        if to == "merge":
            return self._merge(request, visitor)
        wish = self._new(request, visitor) if to == "new" else self._known(request, visitor, number_of(to))
        found: list[Identity] = []
        if not self.attempt(request, lambda: found.append(wish())):
            return HttpResponseRedirect(request.get_full_path())
        (person,) = found
        self.log_change(request, visitor, noted("It was person %(number)s.", number=person.pk))
        said = _("%(name)s it is, with everything that was seen.") % {"name": person.name}
        self.message_user(request, said, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:recognition_identity_change", args=[person.pk]))

    def _new(self, request: HttpRequest, visitor: Visitor) -> Callable[[], Identity]:
        self.demand(self.has_enrol_permission(request))
        version = number_of(request.POST.get("consent", ""))
        agreed = Agreed(version, request.user.get_username()) if version else None
        name, external_id = request.POST.get("name", ""), request.POST.get("external_id", "")
        return lambda: visitors.enrol_visitor(
            visitor, name=name, external_id=external_id, agreed=agreed, by_id=request.user.pk
        )

    def _known(self, request: HttpRequest, visitor: Visitor, number: int) -> Callable[[], Identity]:
        self.demand(self.has_name_permission(request))
        person = get_object_or_404(Identity, pk=number)
        with_photos = bool(request.POST.get("photos")) and request.user.has_perm("recognition.add_photo")

        def say() -> Identity:
            visitors.visitor_was(visitor, person, with_photos=with_photos, by_id=request.user.pk)
            return person

        return say

    def _take_out(self, request: HttpRequest, visitor: Visitor) -> HttpResponse:
        self.demand(request.user.has_perm("recognition.change_visitor"))
        row = get_object_or_404(
            Appearance.objects.bare(),
            pk=number_of(request.POST.get("appearance", "")),
            visitor=visitor,
        )
        self.attempt(request, lambda: visitors.take_out(row), _("It is not counted any more."))
        return HttpResponseRedirect(request.get_full_path())

    def _merge(self, request: HttpRequest, visitor: Visitor) -> HttpResponse:
        self.demand(request.user.has_perm("recognition.change_visitor"))
        other = get_object_or_404(Visitor, pk=number_of(request.POST.get("other", "")))
        wish = lambda: visitors.merge_visitors(into=visitor, other=other)  # noqa: E731
        if self.attempt(request, wish, _("The two are one visitor now.")):
            self.log_change(request, visitor, noted("Joined with visitor %(number)s.", number=other.pk))
        return HttpResponseRedirect(request.get_full_path())

    def _shown(self, request: HttpRequest, visitor: Any) -> dict[str, Any]:
        rows = visitor.appearances.bare().select_related(
            "decision__api_key", "decision__camera", "decision__user"
        )
        rows = rows.prefetch_related("decision__attendances").order_by("-at", "-pk")
        seen = list(rows if "all" in request.GET else rows[:SHOWN])
        may = request.user.has_perm
        consent = identities.consent_text()
        return {
            "visitor": visitor,
            "faces": list(rows.exclude(key=None).order_by("-quality", "-pk")),
            "seen": [(row, source_of(row.decision), place_of(row.decision)) for row in seen],
            "more": visitor.times - len(seen),
            "most": visitors.MOST_APPEARANCES,
            "days": settings.KEEP_VISITORS_DAYS,
            "may_change": may("recognition.change_visitor"),
            "may_dismiss": may("recognition.delete_visitor"),
            "may_name": self.has_name_permission(request),
            "may_enrol": self.has_enrol_permission(request),
            "may_add": may("recognition.add_photo"),
            "with_faces": may("recognition.view_photo"),
            "may_see_events": may("recognition.view_decision"),
            "consent": consent,
            "consent_required": identities.consent_required(),
        } | self._alike(request, visitor)

    def _alike(self, request: HttpRequest, visitor: Visitor) -> dict[str, Any]:
        """Other visitors who may be the same one, and people: the most similar ones, or those who are searched for."""
        asked = request.GET.get("q", "").strip().replace("\x00", "")
        try:
            like = visitors.resemblance(visitor)
        except EngineError as error:
            self.message_user(request, str(error), messages.WARNING)
            return {"asked": asked}
        others = visitors.with_times(Visitor.objects.all()).in_bulk([pk for pk, _score in like.visitors])
        scores = dict(like.people)
        if asked:
            wanted = Q(name__spelled=asked) | Q(external_id__icontains=asked)
            people = list(Identity.objects.filter(wanted)[: FOUND + 1])
        else:
            there = Identity.objects.in_bulk(list(scores))
            people = [there[pk] for pk in scores if pk in there]
        faces = (
            faces_of([one.pk for one in people]) if request.user.has_perm("recognition.view_photo") else {}
        )
        return {
            "asked": asked,
            "others": [(others[pk], score) for pk, score in like.visitors if pk in others],
            "people": [(one, scores.get(one.pk), faces.get(one.pk)) for one in people[:FOUND]],
            "more_people": len(people) > FOUND,
        }

    # --- dismissing

    def dismiss(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.demand(request.user.has_perm("recognition.delete_visitor") and self.has_view_permission(request))
        visitor = Visitor.objects.filter(pk=pk).first()
        if visitor is None:
            self.message_user(request, _("This visitor is gone."), messages.WARNING)
            return HttpResponseRedirect(_list())
        if request.method == "POST":
            if self.attempt(request, lambda: visitors.dismiss(visitor), _("The visitor was dismissed.")):
                self.log_deletions(request, [visitor])
            return HttpResponseRedirect(_list())
        return self.confirm(
            request,
            title=_("Dismiss unknown visitor %(number)s?") % {"number": visitor.pk},
            button=_("Dismiss"),
            back=reverse("admin:recognition_visitor_change", args=[visitor.pk]),
            points=[
                _("All faces and vectors of this visitor are removed, now and for good."),
                _("The events stay: nobody was recognised."),
                _("Somebody who comes again is a new visitor, since nothing is left to know them by."),
            ],
            danger=True,
        )

    def get_urls(self) -> list[URLPattern]:
        return [self.own_path("<int:pk>/dismiss/", self.dismiss, "dismiss"), *super().get_urls()]


def _list() -> str:
    return reverse("admin:recognition_visitor_changelist")


def _with_places(shown: list[Any]) -> None:
    """Where each visitor was seen last, in one go."""
    decisions = Decision.objects.select_related("api_key", "camera", "user").prefetch_related("attendances")
    last = decisions.defer("candidates", "quality").in_bulk([visitor.last_event for visitor in shown])
    for visitor in shown:
        decision = last.get(visitor.last_event)
        visitor.where = (place_of(decision) or source_of(decision)) if decision else ""
