"""Enrolling many people in the browser: it reads a folder, a zip or a CSV with photos, and sends photo by photo."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from recognition.admin.base import SiteAdmin
from recognition.models import Photo
from recognition.services import enrolment, identities
from recognition.services.errors import Invalid, ServiceError
from recognition.services.wording import reason_text

ASKED_AT_ONCE = 500  # photos of one question about their state


class ManyPages(SiteAdmin):
    """Mixed into the admin of people."""

    def many_urls(self) -> list[URLPattern]:
        return [
            self.own_path("many/plan/", self.many_plan, "many_plan"),
            self.own_path("many/person/", self.many_person, "many_person"),
            self.own_path("many/state/", self.many_state, "many_state"),
        ]

    def has_enrol_many_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perms(["recognition.add_identity", "recognition.add_photo"]))

    def _demand_many(self, request: HttpRequest) -> None:
        self.demand(self.has_enrol_many_permission(request))

    @action(description=_("Enrol many"), permissions=["enrol_many"], icon="group_add")
    def enrol_many(self, request: HttpRequest) -> HttpResponse:
        return self.page(
            request,
            "admin/recognition/identity/many.html",
            _("Enrol many people"),
            may_consent=request.user.has_perm("recognition.add_consent"),
            consent_required=identities.consent_required(),
            max_bytes=settings.MAX_UPLOAD_BYTES,
            max_files=enrolment.MOST_NAMES,
            person_pages=reverse("admin:recognition_identity_change", args=[0]),
        )

    def many_plan(self, request: HttpRequest) -> HttpResponse:
        """Who is meant by names of files and a table, for the preview."""
        self._demand_many(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        understood: list[str] = []
        table = request.FILES.get("table")
        try:
            plan = enrolment.plan_of_names(
                _names_in(request.POST.get("names", "")),
                table.read() if table else None,
                beside=request.POST.get("beside", ""),
                tell=understood.append,
            )
        except ServiceError as error:
            return JsonResponse({"message": str(error)}, status=400)
        known = enrolment.known_people([person.external_id for person in plan.people])
        people = [
            {
                "external_id": person.external_id,
                "name": person.name,
                "known": person.external_id in known,
                "agreed_at": person.agreed_at and person.agreed_at.isoformat(),
                "photos": [str(path) for path in person.paths],
            }
            for person in plan.people
        ]
        answer = {
            "people": people,
            "missing": plan.missing,
            "unused": plan.unused,
            "understood": " ".join(understood),
        }
        return JsonResponse(answer)

    def many_person(self, request: HttpRequest) -> HttpResponse:
        """The person whose photos come next, made when needed."""
        self._demand_many(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            identity, digests = enrolment.begin_person(
                external_id=request.POST.get("external_id", ""),
                name=request.POST.get("name", ""),
                agreed_at=self._agreed_at(request),
                by=request.user.get_username(),
            )
        except ServiceError as error:
            return JsonResponse({"message": str(error)}, status=400)
        answer = {
            "pk": identity.pk,
            "upload": reverse("admin:recognition_identity_upload", args=[identity.pk]),
            "digests": sorted(digests),
        }
        return JsonResponse(answer)

    def _agreed_at(self, request: HttpRequest) -> datetime | None:
        said = request.POST.get("agreed_at", "")
        if not said:
            return None
        self.demand(request.user.has_perm("recognition.add_consent"))
        try:
            moment = timezone.now() if said == "now" else parse_datetime(said)
        except ValueError:
            moment = None
        if moment is None or timezone.is_naive(moment):
            raise Invalid("bad_time", _("This is no time at which somebody agreed."))
        return moment

    def many_state(self, request: HttpRequest) -> HttpResponse:
        """What became of the photos ?pks=1,2,3. Those that are gone are left out."""
        self._demand_many(request)
        asked = [int(n) for n in request.GET.get("pks", "").split(",") if n.isascii() and n.isdigit()]
        rows = Photo.objects.filter(pk__in=asked[:ASKED_AT_ONCE]).only("state", "reason")
        return JsonResponse({row.pk: _state(row) for row in rows})


def _state(photo: Photo) -> dict[str, Any]:
    return {"state": photo.state, "reason": reason_text(photo.reason) if photo.reason else ""}


def _names_in(text: str) -> list[str]:
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Invalid("bad_names", _("The names of the files cannot be read. Reload the page and try again."))
    return names
