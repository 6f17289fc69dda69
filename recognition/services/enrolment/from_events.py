"""A kept picture of an event as an enrolment photo: of the person whom staff say it shows, or of a new one."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils.translation import gettext

from recognition.models import Decision, Identity, Photo, ProbePicture
from recognition.services import audit, identities
from recognition.services.enrolment.photos import add_photo
from recognition.services.errors import Conflict, NotFound
from recognition.services.files import read_file


def has_picture(decision: Decision) -> bool:
    """Whether what was shown at this event is kept."""
    return ProbePicture.objects.filter(probe=decision.probe).exists()


def add_picture_of_event(decision: Decision, identity: Identity) -> Photo:
    """Keep what was shown as a photo of this person; it passes the same gates as any other.

    Raises NotFound when the picture is not kept (any more), and what `add_photo` raises.
    """
    kept = ProbePicture.objects.filter(probe=decision.probe).first()
    if kept is None:
        raise NotFound("unknown_picture", gettext("The picture of this event is not kept."))
    audit.record("probe.seen", kind="probe", number=decision.probe, person=identity.pk)
    return add_photo(identity=identity, data=read_file(kept.image), filename=f"event-{decision.pk}.jpg")


def add_pictures_of_events(identity: Identity, pictures: Mapping[int, bytes]) -> int:
    """Pictures of several events, by the events' numbers, as photos of this person; returns how many are new.

    Raises what `add_photo` raises, except for those that are there already.
    """
    added = 0
    for number, picture in pictures.items():
        try:
            add_photo(identity=identity, data=picture, filename=f"event-{number}.jpg")
        except Conflict as error:
            if error.code != "duplicate":
                raise
            continue
        added += 1
    return added


def enrol_from_event(
    decision: Decision, *, name: str, external_id: str = "", by_id: int | None = None
) -> Identity:
    """A new person with the picture of this event; the event is theirs from then on.

    Raises what `create_identity`, `correct` and `add_picture_of_event` raise; then there is no new person.
    """
    with transaction.atomic():
        identity = identities.create_identity(name=name, external_id=external_id)
        identities.correct(decision, to=identity, by_id=by_id)
        add_picture_of_event(decision, identity)  # last: its file goes with nothing but itself
    return identity
