"""Invitations: a link by which a person agrees, takes photos of themselves and hands them in, once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from recognition.models import Consent, Identity, Invitation, Photo
from recognition.services import identities
from recognition.services.enrolment.uploads import Uploads, keep_uploads
from recognition.services.errors import Conflict, NotFound

INVITATION_DAYS = 7
MOST_PHOTOS = 10  # by one link


def invite(identity: Identity, *, user_id: int | None = None) -> tuple[Invitation, str]:
    """An invitation and the text that its link ends with, which is told this once and kept as a hash.

    One of before stops counting. Raises Conflict for a person who may not be enrolled at present.
    """
    text = secrets.token_urlsafe(32)
    now = timezone.now()
    with transaction.atomic():
        locked = _lock(identity.pk)
        if locked is None:
            raise NotFound("unknown_person", gettext("This person was erased meanwhile."))
        if not _may_be_enrolled(locked):
            raise Conflict(
                "suspended",
                gettext("%(name)s is suspended or has withdrawn. Resume them first.") % {"name": locked.name},
            )
        _unended(locked.invitations.all()).update(revoked_at=now)
        made = locked.invitations.create(
            digest=_digest(text), expires_at=now + timedelta(days=INVITATION_DAYS), created_by_id=user_id
        )
    return made, text


def note_mailed(invitation: Invitation) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(mailed=True)


def revoke_invitation(invitation: Invitation) -> None:
    """Its link stops counting with the next request. Again it changes nothing."""
    _unended(Invitation.objects.filter(pk=invitation.pk)).update(revoked_at=timezone.now())


def invitation_of(text: str) -> Invitation:
    """Whose link ends with this text. Raises NotFound, in the same words, for one that is unknown, used, declined,
    revoked or too old, and while its person is suspended, merged or gone."""
    found = (
        _unended(Invitation.objects.filter(digest=_digest(text), expires_at__gt=timezone.now()))
        .select_related("identity")
        .first()
    )
    if found is None or not _may_be_enrolled(found.identity):
        raise _unknown()
    return found


def agree(invitation: Invitation, *, version: int, by: str) -> None:
    """Record the person's consent to this version of the text. Raises what `give_consent` and `invitation_of` raise."""
    with transaction.atomic():
        identity = _hold(invitation)
        identities.give_consent(identity, way=Consent.Way.SELF, by=by, version=version)
        Invitation.objects.filter(pk=invitation.pk).update(agreed_at=timezone.now())


def has_agreed(invitation: Invitation) -> bool:
    """By this link, to the text in force, and not withdrawn since."""
    consent = identities.consent_of(invitation.identity)
    return (
        invitation.agreed_at is not None and consent is not None and consent.text == identities.consent_text()
    )


def knows_all(invitation: Invitation) -> bool:
    """Whether all that is there of the person came by this link. Else whoever got hold of it could withdraw what the
    person agreed to elsewhere, and have them erased."""
    before = invitation.created_at
    there = (
        invitation.identity.consents.filter(given_at__lt=before),
        invitation.identity.photos.filter(created_at__lt=before),
    )
    return not any(rows.exists() for rows in there)


def decline(invitation: Invitation) -> None:
    """The person does not want to. Nothing of them is kept by it; staff see that they declined."""
    with transaction.atomic():
        _hold(invitation)
        Invitation.objects.filter(pk=invitation.pk).update(declined_at=timezone.now())


def take_photos(invitation: Invitation, uploads: Uploads) -> list[Photo]:
    """Keep the photos and enqueue them; the link is used up, unless none could be kept. ``uploads.refused`` says why.

    Raises NotFound when the link does not count any more, and Conflict without consent to the text in force.
    """
    if not has_agreed(invitation):
        raise Conflict("consent_missing", gettext("Read the text and agree first, please."))
    with transaction.atomic():  # two that come at once are told apart here
        identity = _hold(invitation)
        Invitation.objects.filter(pk=invitation.pk).update(used_at=timezone.now())
    kept: list[Photo] = []
    try:
        kept = keep_uploads(identity, uploads, by_themselves=True)
    finally:
        if not kept:
            Invitation.objects.filter(pk=invitation.pk).update(used_at=None)
    return kept


def _hold(invitation: Invitation) -> Identity:
    """Its person, locked before it, as everywhere. Raises NotFound when the link does not count any more."""
    identity = _lock(invitation.identity_id)
    current = Invitation.objects.select_for_update().filter(pk=invitation.pk).first()
    if identity is None or current is None or not (current.is_open and _may_be_enrolled(identity)):
        raise _unknown()
    return identity


def _lock(pk: int) -> Identity | None:
    return Identity.objects.select_for_update(no_key=True).filter(pk=pk).first()


def _may_be_enrolled(identity: Identity) -> bool:
    return (
        identity.status == Identity.Status.ACTIVE
        and identity.withdrawn_at is None
        and identity.merged_into_id is None
    )


def _unended(rows: QuerySet[Invitation]) -> QuerySet[Invitation]:
    return rows.filter(used_at=None, declined_at=None, revoked_at=None)


def _unknown() -> NotFound:
    return NotFound("unknown_link", gettext("This link does not count any more. Ask for a new one."))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
