"""Staff say who a visitor is: somebody new, or one of the people who are enrolled.

The kept pictures take the way of any enrolment photo, the events become the person's by corrections, and the visitor is
gone: what is left is the person's, and is erased with the person.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext

from recognition.models import Appearance, Consent, Identity, Visitor
from recognition.sealing import SealError
from recognition.services import audit, enrolment, identities
from recognition.services.errors import Conflict, NotFound
from recognition.services.recognition import remove_appearances

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Agreed:
    """That the person has agreed to this version of the consent text, as this member of staff says."""

    version: int
    by: str


def enrol_visitor(
    visitor: Visitor,
    *,
    name: str,
    external_id: str = "",
    agreed: Agreed | None = None,
    by_id: int | None = None,
) -> Identity:
    """A new person with the kept pictures, whose the events are from then on.

    Raises NotFound when the visitor is gone, Conflict when no picture can be read, and what `create_identity`,
    `correct` and `add_photo` raise; then nothing has changed.
    """
    with transaction.atomic():
        identity = identities.create_identity(name=name, external_id=external_id)
        if agreed is not None:
            identities.give_consent(
                identity, way=Consent.Way.STAFF, by=agreed.by, version=agreed.version, note="unknown visitor"
            )
        if not _give(visitor, identity, with_photos=True, by_id=by_id):
            raise Conflict("no_picture", gettext("No picture of this visitor can be read any more."))
    return identity


def visitor_was(visitor: Visitor, identity: Identity, *, with_photos: bool, by_id: int | None = None) -> None:
    """It was this person all the time. with_photos: the kept pictures become photos of theirs, as any photo.

    Raises what `enrol_visitor` raises.
    """
    with transaction.atomic():
        _give(visitor, identity, with_photos=with_photos, by_id=by_id)


def _give(visitor: Visitor, identity: Identity, *, with_photos: bool, by_id: int | None) -> int:
    """Returns how many photos were added."""
    identities.lock_people(identity.pk)  # before visitor and decisions, as who erases does
    if Visitor.objects.select_for_update().filter(pk=visitor.pk).first() is None:
        raise NotFound("unknown_visitor", gettext("This visitor is gone meanwhile."))
    rows = list(
        Appearance.objects.bare()
        .filter(visitor=visitor.pk)
        .select_related("decision")
        .order_by("-quality", "-pk")
    )
    pictures = _pictures(rows) if with_photos else {}
    remove_appearances(
        Appearance.objects.filter(visitor=visitor.pk)
    )  # all at once; corrections would one by one
    for row in rows:
        identities.correct(row.decision, to=identity, by_id=by_id)
    added = enrolment.add_pictures_of_events(
        identity, pictures
    )  # last, as their files go with nothing but themselves
    Visitor.objects.filter(pk=visitor.pk).delete()
    audit.record(
        "visitor.named",
        kind="visitor",
        number=visitor.pk,
        person=identity.pk,
        events=len(rows),
        photos=added,
    )
    log.info("visitor named", extra={"visitor": visitor.pk, "person": identity.pk})
    return added


def _pictures(rows: list[Appearance]) -> dict[int, bytes]:
    """By the number of the event, the best first, each once."""
    found: dict[int, bytes] = {}
    for row in rows:
        if row.key_id is None:
            continue
        try:
            picture = row.picture
        except SealError:
            log.warning("the picture of appearance %s cannot be read", row.pk)
            continue
        if picture and picture not in found.values():
            found[row.decision_id] = picture
    return found
