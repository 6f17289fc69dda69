"""Staff hand in a picture and see for every face what is decided. It counts as a probe like any other."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from recognition.admin.base import SiteAdmin
from recognition.admin.cards import Box, box_of
from recognition.admin.identity_form import DropZone, bytes_of
from recognition.admin.identity_page import faces_of
from recognition.engine.quality import PROBE
from recognition.engine.types import EngineError
from recognition.models import Decision, Identity
from recognition.services.errors import Busy, Invalid
from recognition.services.recognition import Asker, FaceAnswer, identify, picture_of
from recognition.services.thresholds import active_policy
from recognition.services.wording import Figure, describe_quality, describe_score, reason_text

LABELS = {
    Decision.Outcome.MATCH: "success",
    Decision.Outcome.NO_MATCH: "warning",
    Decision.Outcome.REJECTED: "danger",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate with the photo that stands for the person."""

    identity: Identity
    score: float
    face: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is shown about one face of the picture."""

    box: Box
    outcome: str
    label: str
    reason: str
    name: str
    rows: list[Row]
    score: float
    word: str
    figures: list[Figure]


def recognise_view(model_admin: SiteAdmin, request: HttpRequest) -> HttpResponse:
    model_admin.demand(request.user.has_perm("recognition.view_identity"))
    context: dict[str, Any] = {}
    status = 200
    if request.method == "POST":
        try:
            context = _look(request, bytes_of(request.FILES.get("picture")))
        except (Invalid, Busy, EngineError) as error:
            model_admin.message_user(request, str(error), messages.ERROR)
            status = 400 if isinstance(error, Invalid) else 503
    context["drop_zone"] = DropZone(multiple=False).render("picture", None)
    page = model_admin.page(request, "admin/recognition/recognise.html", _("Recognise a picture"), **context)
    page.status_code = status
    page["Cache-Control"] = "no-store"  # it holds the picture
    return page


def _look(request: HttpRequest, data: bytes) -> dict[str, Any]:
    picture = picture_of(data)
    found = identify(data, asker=Asker(kind=Decision.Kind.IDENTIFY, user_id=request.user.pk))
    people = {candidate.identity.pk for face in found.faces for candidate in face.candidates}
    faces = faces_of(list(people)) if request.user.has_perm("recognition.view_photo") else {}
    policy = active_policy()
    return {
        "picture": picture,
        "source": f"data:image/jpeg;base64,{base64.b64encode(picture.jpeg).decode()}",
        "text_size": max(picture.width, picture.height) / 16,
        "answers": [
            _answer(number, face, picture.width, picture.height, faces)
            for number, face in enumerate(found.faces)
        ],
        "threshold": policy.identify_threshold,
        "margin": policy.margin,
        "milliseconds": sum(found.timings.ms.values()),
    }


def _answer(number: int, face: FaceAnswer, width: int, height: int, faces: dict[int, int]) -> Answer:
    outcome = Decision.Outcome(face.decision)
    quality = face.seen.as_dict()["quality"]
    name = face.identity.name if face.identity else ""
    return Answer(
        box=box_of(face.seen.face.box, number, width, height, label=name, kind=outcome.value),
        outcome=str(outcome.label),
        label=LABELS[outcome],
        reason=reason_text(face.reason) if face.reason else "",
        name=name,
        rows=[Row(c.identity, c.score, faces.get(c.identity.pk)) for c in face.candidates],
        score=quality["score"],
        word=describe_score(quality["score"]),
        figures=describe_quality(quality, PROBE),
    )
