"""The first page of the admin: how things stand, and what is most often wanted. Everybody sees what they may see."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from recognition.admin import charts
from recognition.admin.identity_page import faces_of
from recognition.engine.types import ModelFileError
from recognition.models import Decision, Photo, Visitor
from recognition.services import models as model_services
from recognition.services import overview
from recognition.services.analysis import active_model
from recognition.services.thresholds import active_policy
from recognition.services.wording import percent, reason_text

RECENT = 8


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure with its name. ``kind``: good, bad or empty."""

    name: str
    value: str
    note: str
    link: str
    kind: str = ""


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    may = request.user.has_perm
    tiles: list[Tile] = []
    if may("recognition.view_identity"):
        tiles.append(_people())
    if may("recognition.view_photo"):
        tiles.append(_photos())
        context["rejected"] = _rejected()
    if may("recognition.view_decision"):
        tiles.append(_today())
        context["recent"] = _recent(with_faces=may("recognition.view_photo"))
        context |= _charts()
    if may("recognition.view_visitor") and settings.KEEP_VISITORS_DAYS:
        tiles.append(_visitors())
    if may("recognition.view_gallerybuild"):
        tiles.append(_index())
    if may("recognition.view_modelversion"):
        tiles.append(_model(may_change=may("recognition.add_modelchange")))
    if tiles:
        tiles.append(_worker())
    return context | {"title": _("Overview"), "tiles": tiles, "quick": _quick(request)}


def _people() -> Tile:
    count = overview.count_people()
    notes = [_("%(number)s suspended") % {"number": count.suspended}] if count.suspended else []
    if count.without_vector:
        notes.append(_("%(number)s without a usable photo") % {"number": count.without_vector})
    link = reverse("admin:recognition_identity_changelist")
    return Tile(_("People"), str(count.active), ", ".join(notes) or _("all can be recognised"), link)


def _photos() -> Tile:
    count = overview.count_photos()
    waiting = count[Photo.State.WAITING] + count[Photo.State.PROCESSING]
    rejected = count[Photo.State.REJECTED]
    link = reverse("admin:recognition_photo_changelist")
    review = count[Photo.State.REVIEW]
    if review:
        return Tile(
            _("Photos to review"),
            str(review),
            _("they count for nobody until then"),
            reverse("admin:recognition_photo_review"),
            "bad",
        )
    if waiting:
        return Tile(
            _("Photos waiting"),
            str(waiting),
            _("%(rejected)s rejected") % {"rejected": rejected},
            f"{link}?state__exact=waiting",
        )
    ready = str(count[Photo.State.READY])
    if rejected:
        return Tile(
            _("Photos ready"),
            ready,
            _("%(rejected)s rejected") % {"rejected": rejected},
            f"{link}?state__exact=rejected",
        )
    return Tile(_("Photos ready"), ready, _("none waiting, none rejected"), link)


def _today() -> Tile:
    count = overview.count_today()
    note = _("%(unknown)s not recognised, %(rejected)s rejected") % {
        "unknown": count[Decision.Outcome.NO_MATCH],
        "rejected": count[Decision.Outcome.REJECTED],
    }
    link = reverse("admin:recognition_decision_changelist")
    return Tile(_("Recognised today"), str(count[Decision.Outcome.MATCH]), note, link)


def _visitors() -> Tile:
    link = reverse("admin:recognition_visitor_changelist")
    days = settings.KEEP_VISITORS_DAYS
    note = ngettext(
        "kept for a day: name or dismiss them", "kept for %(days)s days: name or dismiss them", days
    ) % {"days": days}
    return Tile(_("Unknown visitors"), str(Visitor.objects.count()), note, link)


def _charts() -> dict[str, Any]:
    """None for a site that has decided nothing yet."""
    found = overview.recent_decisions()
    if not any(counts for _, counts in found.days):
        return {}
    drawn = [charts.per_day(found)]
    with suppress(ModelFileError):  # the tile of the model tells
        drawn.append(charts.against_threshold(found, active_policy().identify_threshold))
    return {"charts": drawn, "reasons": charts.reasons(found)}


def _index() -> Tile:
    state = overview.index_state()
    link = reverse("admin:recognition_gallerybuild_changelist")
    if state.build is None:
        return Tile(_("Index"), _("not built"), _("people are read from the database"), link)
    changes = (
        _("%(changes)s changes since, already counted") % {"changes": state.behind}
        if state.behind
        else _("up to date")
    )
    return Tile(
        _("Index"),
        _("%(people)s people") % {"people": state.build.identities},
        changes,
        link,
        "" if state.behind else "good",
    )


def _model(*, may_change: bool) -> Tile:
    """The embedder in use; a stronger one is named, and a click leads to the change."""
    link = reverse("admin:recognition_modelversion_changelist")
    try:
        version = active_model()
        better = model_services.stronger_than(version)
        measured = active_policy(version).is_measured
    except ModelFileError as error:
        return Tile(_("Model"), _("damaged"), str(error), link, "bad")
    if not measured:
        policies = reverse("admin:recognition_thresholdpolicy_changelist")
        return Tile(_("Model"), version.name, _("thresholds not measured here: calibrate"), policies, "bad")
    if better is None:
        return Tile(_("Model"), version.name, _("the strongest that there is"), link, "good")
    if may_change:  # that page also says how to fetch one that is not at hand
        link = reverse("admin:recognition_modelversion_change_to_stronger")
    return Tile(
        _("Model"),
        version.name,
        _("stronger: %(better)s, %(lfw)s on LFW") % {"better": better.name, "lfw": percent(better.lfw, 1)},
        link,
    )


def _worker() -> Tile:
    if overview.worker_answers():
        return Tile(_("Worker"), _("answers"), _("new photos are looked at within seconds"), "", "good")
    return Tile(_("Worker"), _("silent"), _("photos will wait: start a worker"), "", "bad")


def _quick(request: HttpRequest) -> list[tuple[str, str, str]]:
    """Permission, title, address and icon of what is most often done."""
    wanted = (
        ("recognition.add_identity", _("Enrol a person"), "admin:recognition_identity_add", "person_add"),
        (
            "recognition.view_identity",
            _("Recognise a picture"),
            "admin:recognition_decision_recognise",
            "frame_person",
        ),
        ("recognition.add_apikey", _("Make an API key"), "admin:recognition_apikey_add", "key"),
    )
    return [
        (title, reverse(name), icon) for right, title, name, icon in wanted if request.user.has_perm(right)
    ]


def _rejected() -> list[tuple[Photo, str]]:
    photos = Photo.objects.filter(state=Photo.State.REJECTED).select_related("identity").defer("faces")
    return [(photo, reason_text(photo.reason)) for photo in photos.order_by("-processed_at")[:RECENT]]


def _recent(*, with_faces: bool) -> list[tuple[Decision, int | None]]:
    rows = list(Decision.objects.select_related("identity", "api_key", "user").order_by("-id")[:RECENT])
    people = [row.identity_id for row in rows if row.identity_id]
    faces = faces_of(people) if with_faces and people else {}
    return [(row, faces.get(row.identity_id or 0)) for row in rows]
