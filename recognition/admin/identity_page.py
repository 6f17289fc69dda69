"""What the page of one person shows beside the form: photos, neighbours in the gallery, history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from recognition.admin import events
from recognition.admin.base import number_of
from recognition.admin.cards import UNFINISHED, photo_cards
from recognition.admin.identity_form import UploadForm
from recognition.admin.identity_list import face_of
from recognition.engine.types import EngineError
from recognition.models import Decision, Identity, Photo
from recognition.services.identities import Neighbour, in_gallery, merges_into, neighbours, numbers_of
from recognition.services.wording import what_happened

SHOWN = 48  # photos, until somebody asks for all
HISTORY = 15
ATTENDED = 6


@dataclass(frozen=True, slots=True)
class Resemblance:
    """The neighbours, each with the photo that stands for the person, or why there are none."""

    found: list[tuple[Neighbour, int | None]]
    reason: str = ""


def person_context(request: HttpRequest, identity: Identity) -> dict[str, Any]:
    may = request.user.has_perm
    photos = identity.photos.order_by("-id") if may("recognition.view_photo") else Photo.objects.none()
    shown = SHOWN
    if asked_for := number_of(request.GET.get("photo", "")):
        shown = max(SHOWN, photos.filter(pk__gte=asked_for).count())
    cards = photo_cards(photos if "all" in request.GET else photos[:shown])
    done = progress(identity)
    context = {
        "person": identity,
        "cards": cards,
        "hidden_photos": done["total"] - len(cards),
        "progress": done,
        "may_view_photos": may("recognition.view_photo"),
        "may_add_photos": may("recognition.add_photo"),
        "may_choose": may("recognition.change_photo"),
        "may_delete_photos": may("recognition.delete_photo"),
        "may_merge": may("recognition.change_identity") and may("recognition.delete_identity"),
        "merges": merges_into(identity),
        "may_make_account": identity.user_id is None
        and request.user.has_perms(["accounts.add_user", "recognition.change_identity"]),
        "upload_form": UploadForm(),
        "invitation": identity.invitations.first(),
        "resemblance": resemblance(identity),
    }
    if may("recognition.view_decision"):
        history = _history(identity)
        context["history"] = history
        context["more_history"] = len(history) == HISTORY
    if may("recognition.view_attendance"):
        context["attendance"] = identity.attendances.select_related("api_key").order_by("-at", "-id")[
            :ATTENDED
        ]
    return context


@dataclass(frozen=True, slots=True)
class Event:
    """A decision about the person, one that was corrected to them, or one that was nearly theirs.

    Nearly: nobody was recognised, and they were the nearest.
    """

    decision: Decision
    moment: datetime
    happened: str
    where: str
    how_sure: str
    note: str


def _history(identity: Identity) -> list[Event]:
    numbers = numbers_of(identity.pk)
    about = Q(identity__in=numbers) | Q(correction__identity__in=numbers)
    for number in numbers:
        about |= Q(candidates__contains=[{"identity": number}], candidates__0__identity=number, identity=None)
    rows = Decision.objects.filter(about)
    rows = rows.select_related(
        "api_key", "camera", "user", "policy", "identity", "correction__identity"
    ).defer("policy__measurements", "quality")
    return [
        Event(
            row,
            events.moment_of(row),
            what_happened(row.kind, row.outcome, events.attendance_of(row)),
            ", ".join(filter(None, (events.source_of(row), events.place_of(row)))),
            events.likeness_of(row) or "",
            _note(row, identity, numbers),
        )
        for row in rows.prefetch_related("attendances").order_by("-id")[:HISTORY]
    ]


def _note(row: Decision, person: Identity, numbers: list[int]) -> str:
    """Why an event stands on the page of somebody whom it does not name, or no longer does."""
    correction = row.corrected
    if correction is not None and correction.identity_id in numbers:
        if row.identity is None:
            return _("corrected: first nobody")
        return _("corrected: first %(name)s") % {"name": row.identity.name}
    if correction is not None and correction.identity is not None:
        return _("corrected: it was %(name)s") % {"name": correction.identity.name}
    if correction is not None:
        return (
            _("corrected: it was nobody who is known")
            if row.identity is None
            else _("corrected: it was somebody else")
        )
    return "" if row.identity_id is not None else _("%(name)s was the nearest") % {"name": person.name}


def resemblance(identity: Identity) -> Resemblance:
    if identity.status != Identity.Status.ACTIVE:
        return Resemblance([], _("A suspended person is not in the gallery."))
    try:
        found = neighbours(identity)
        missing = not found and not in_gallery(identity)
    except EngineError as error:
        return Resemblance([], _("The gallery cannot be searched: %(error)s") % {"error": error})
    if missing:
        return Resemblance(
            [], _("As soon as a photo is ready, the most similar other people are shown here.")
        )
    if not found:
        return Resemblance([], _("Nobody else is in the gallery yet."))
    faces = faces_of([neighbour.identity.pk for neighbour in found])
    return Resemblance([(neighbour, faces.get(neighbour.identity.pk)) for neighbour in found])


def faces_of(identity_ids: list[int]) -> dict[int, int]:
    """The photo whose crop stands for each of these people."""
    rows = Identity.objects.filter(pk__in=identity_ids).annotate(face=face_of()).values_list("pk", "face")
    return {pk: face for pk, face in rows if face}


def progress(identity: Identity) -> dict[str, int]:
    """How far the photos of the person are looked at."""
    states = list(identity.photos.values_list("state", flat=True))
    waiting = sum(state in UNFINISHED for state in states)
    done = len(states) - waiting
    return {
        "total": len(states),
        "waiting": waiting,
        "done": done,
        "ready": states.count(Photo.State.READY),
        "percent": round(100 * done / len(states)) if states else 100,
    }
