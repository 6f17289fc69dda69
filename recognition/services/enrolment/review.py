"""The review queue: photos that a person has to look at, and what that person can say of them.

Whatever is said sends the photo to a worker again, so that it is enrolled, or doubted, as any other.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from recognition.models import Identity, Photo
from recognition.services import identities
from recognition.services.enrolment.photos import lock_photo, look_again
from recognition.services.errors import Conflict, NotFound
from recognition.services.files import reseal

NOT_THIS_PERSON = "not_this_person"


def photos_in_review() -> QuerySet[Photo]:
    """Oldest first, with their person and whom they resemble."""
    return (
        Photo.objects.filter(state=Photo.State.REVIEW, identity__merged_into=None)
        .select_related("identity", "resembles")
        .order_by("pk")
    )


def confirm_photo(photo: Photo) -> Photo:
    """It is this person's, whomever it looks like. Raises Conflict when the photo is not in review any more."""
    with transaction.atomic():
        current = _locked(photo)
        current.confirmed = True
        look_again(current)
    return current


def move_photo(photo: Photo, to: Identity) -> Photo:
    """It is the other person's. Raises Conflict when it is not in review any more, when that person has this very file,
    and when consent is lacking or was withdrawn; NotFound when one of the two was erased meanwhile."""
    with transaction.atomic():
        # Both people before the photo, in one order, as merging does.
        people = {
            p.pk: p
            for p in Identity.objects.select_for_update(no_key=True)
            .filter(pk__in=[photo.identity_id, to.pk])
            .order_by("pk")
        }
        if to.pk not in people:
            raise NotFound("unknown_person", gettext("This person was erased meanwhile."))
        current = _locked(photo)
        identities.demand_consent(people[to.pk])
        current.identity = people[to.pk]
        current.confirmed = True
        try:
            with transaction.atomic():
                current.save(update_fields=["identity"])
        except IntegrityError:
            raise Conflict(
                "duplicate", gettext("%(to)s has this very photo already. Reject it here.") % {"to": to.name}
            ) from None
        reseal(current)
        look_again(current)
    return current


def reject_photo(photo: Photo) -> Photo:
    """It is nobody's here. It stays among the rejected photos of the person until it is deleted."""
    with transaction.atomic():
        current = _locked(photo)
        current.state = Photo.State.REJECTED
        current.reason = NOT_THIS_PERSON
        current.resembles = None
        current.processed_at = timezone.now()
        current.save(update_fields=["state", "reason", "resembles", "processed_at"])
    return current


def merge_people_of(photo: Photo, *, user_id: int | None = None) -> Identity:
    """Its person and the one it resembles are one: the latter stays. All photos of both in review are looked at again.

    Raises what `identities.merge` raises, and Conflict when the photo resembles nobody any more.
    """
    with transaction.atomic():
        current = (
            Photo.objects.filter(pk=photo.pk, state=Photo.State.REVIEW)
            .select_related("identity", "resembles")
            .first()
        )
        if current is None or current.resembles is None:
            raise Conflict("not_in_review", gettext("This photo was decided meanwhile."))
        into = identities.merge(into=current.resembles, other=current.identity, user_id=user_id)
        for one in into.photos.filter(state=Photo.State.REVIEW).select_for_update():
            look_again(one)
    return into


def _locked(photo: Photo) -> Photo:
    current = lock_photo(photo, Photo.objects.filter(pk=photo.pk))
    if current is None:
        raise NotFound("unknown_photo", gettext("This photo was deleted meanwhile."))
    if current.state != Photo.State.REVIEW:
        raise Conflict("not_in_review", gettext("This photo was decided meanwhile."))
    return current
