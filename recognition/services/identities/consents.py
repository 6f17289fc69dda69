"""Consent: to which text a person agreed, when, and who took it. Withdrawn, it ends recognition at once."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from recognition.models import Consent, ConsentText, Identity
from recognition.services.clock import of_the_future
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.gallery import record_change
from recognition.services.identities.erasure import erase
from recognition.services.identities.merging import numbers_of
from recognition.services.identities.people import lock_people, refuse_what_is_no_text
from recognition.services.wording import whole

log = logging.getLogger(__name__)

LINK_DAYS = 14
SALT = "recognition.consent"
NOTE_LENGTH = 200
TEXT_LENGTH = 20_000
FIRST_TEXT = """\
I agree that photos of my face are kept here, that a set of numbers (a "vector") is computed from each, and that \
cameras and devices of this site use them to recognise me.

Photos and vectors are biometric data. They are used for nothing else and stay on the machines of whoever runs this \
site.

Agreeing is my free choice. I can ask at any time for a copy of everything that is kept about me. I can withdraw at \
any time, as easily as I agreed: on my account page, by a link, or by telling a member of staff. From that moment I \
am not recognised any more, and what is kept about me is erased soon after."""


def consent_text(version: int | None = None) -> ConsentText:
    """This version of the text, or the one in force. Raises NotFound for a version that never was."""
    if version is None:
        newest = ConsentText.objects.first()
        return newest or ConsentText.objects.get_or_create(version=1, defaults={"text": FIRST_TEXT})[0]
    found = ConsentText.objects.filter(version=version).first() if 0 < version < 2**31 else None
    if found is None and version == 1:
        return consent_text()
    if found is None:
        raise NotFound(
            "unknown_version",
            gettext("There is no version %(version)s of the consent text.") % {"version": version},
        )
    return found


def publish_consent_text(text: str, *, user_id: int | None = None) -> ConsentText:
    """Put another text in force. Consents to earlier ones stay what they are."""
    text = text.replace("\r\n", "\n").strip()
    if not text or len(text) > TEXT_LENGTH or "\x00" in text:
        raise Invalid(
            "invalid_text",
            gettext("Write a text of at most %(most)s characters.") % {"most": whole(TEXT_LENGTH)},
        )
    in_force = consent_text()
    if in_force.text == text:
        raise Conflict(
            "same_text",
            gettext("This is the text of version %(version)s, which is in force.")
            % {"version": in_force.version},
        )
    highest = ConsentText.objects.aggregate(highest=Max("version"))["highest"]
    try:
        with transaction.atomic():
            return ConsentText.objects.create(version=highest + 1, text=text, created_by_id=user_id)
    except IntegrityError:
        raise Conflict(
            "busy", gettext("Somebody else published a text just now. Look at that one first.")
        ) from None


def consent_of(identity: Identity) -> Consent | None:
    """The consent in force: the last one that was given and not withdrawn."""
    return identity.consents.filter(withdrawn_at=None).select_related("text").last()


def give_consent(
    identity: Identity,
    *,
    way: str,
    by: str = "",
    version: int | None = None,
    given_at: datetime | None = None,
    note: str = "",
) -> Consent:
    """Record that the person agreed to this version of the text, by default the one in force. Does not resume anybody.

    way: of `Consent.Way`. by: account or kiosk that took it. given_at: when, if not now. note: where the proof is.
    Given again for the same version it stays the one that there is. Raises Invalid for a time to come.
    """
    text = consent_text(version)
    now = timezone.now()
    if given_at is not None and given_at > now:
        raise Invalid("in_the_future", gettext("Nobody can have agreed at a time to come. Correct the date."))
    refuse_what_is_no_text(note=note, taken_by=by)
    if len(note) > NOTE_LENGTH:
        raise Invalid(
            "too_long",
            gettext("The note has more than %(most)s characters.") % {"most": NOTE_LENGTH},
        )
    with transaction.atomic():
        locked = _lock(identity)
        there = consent_of(locked)
        if there is not None and there.text == text:
            return there
        given = locked.consents.create(
            text=text, given_at=given_at or now, way=way, taken_by=by[:200], note=note.strip()
        )
        if locked.withdrawn_at:
            Identity.objects.filter(pk=locked.pk).update(withdrawn_at=None, updated_at=now)
            identity.withdrawn_at = None
    return given


def withdraw_consent(identity: Identity, *, by: str = "") -> Identity:
    """Not recognised from the next request on; erased `ERASE_WITHDRAWN_DAYS` later. Again it changes nothing.

    Also for a person without any consent on record, who objects to what is done.
    """
    now = timezone.now()
    with transaction.atomic():
        locked = _lock(identity)
        if locked.withdrawn_at:
            return locked
        locked.consents.filter(withdrawn_at=None).update(withdrawn_at=now, withdrawn_by=by[:200])
        was_active = locked.status == Identity.Status.ACTIVE
        locked.status = Identity.Status.SUSPENDED
        locked.withdrawn_at = now
        locked.save(update_fields=["status", "withdrawn_at", "updated_at"])
        if was_active:
            record_change(locked.pk)
    log.info("consent withdrawn", extra={"person": locked.pk})
    return locked


def demand_consent(identity: Identity) -> None:
    """To be asked before a photo or vector is taken in.

    Raises Conflict when the person has withdrawn, and where the site demands consent (CONSENT_REQUIRED) and has none.
    """
    if Identity.objects.filter(pk=identity.pk, withdrawn_at__isnull=False).exists():
        raise Conflict(
            "consent_withdrawn",
            gettext("%(name)s has withdrawn consent. Nothing more may be taken in.")
            % {"name": identity.name},
        )
    if settings.CONSENT_REQUIRED and consent_of(identity) is None:
        raise Conflict(
            "consent_missing",
            gettext(
                "There is no consent of %(name)s on record. Record it first: in the admin, "
                "by a link for the person, by the API, or with the import."
            )
            % {"name": identity.name},
        )


def consent_required() -> bool:
    return bool(settings.CONSENT_REQUIRED)


def erase_on(identity: Identity) -> datetime | None:
    """When the person will be erased, if nothing happens until then; None for whoever has not withdrawn."""
    if identity.withdrawn_at is None:
        return None
    return identity.withdrawn_at + timedelta(days=settings.ERASE_WITHDRAWN_DAYS)


def when_erased() -> str:
    """What becomes of a person who withdraws, in a sentence."""
    days = int(settings.ERASE_WITHDRAWN_DAYS)
    if days == 0:
        return gettext("Everything that is kept about the person is erased within an hour or so.")
    return ngettext(
        "Everything that is kept about the person is erased after %(days)s day.",
        "Everything that is kept about the person is erased after %(days)s days.",
        days,
    ) % {"days": days}


def erase_withdrawn() -> int:
    """Erase the people who withdrew their consent as long ago as the site says; returns how many."""
    # The days begin now for who withdrew by a clock that was ahead.
    Identity.objects.filter(of_the_future("withdrawn_at")).update(withdrawn_at=timezone.now())
    limit = timezone.now() - timedelta(days=settings.ERASE_WITHDRAWN_DAYS)
    count = 0
    due = Identity.objects.filter(withdrawn_at__lte=limit)
    for pk in list(due.values_list("pk", flat=True)):
        with transaction.atomic():
            lock_people(*numbers_of(pk))
            # Somebody may have agreed again since the list was read.
            locked = due.select_for_update().filter(pk=pk).first()
            if locked is not None:
                erase(locked, by="consent withdrawn")
                count += 1
    return count


def consent_token(identity: Identity) -> str:
    """What the address of the person's own consent page ends with. It counts for `LINK_DAYS` days."""
    return signing.dumps(identity.pk, salt=SALT)


def identity_of_token(token: str) -> Identity:
    """Whose consent page it is. Raises NotFound for a token that is too old or none, and for an erased person."""
    try:
        pk = signing.loads(token, salt=SALT, max_age=timedelta(days=LINK_DAYS))
    except signing.BadSignature:
        pk = None
    identity = Identity.objects.filter(pk=pk).first() if pk else None
    if identity is None:
        raise NotFound("unknown_link", gettext("This link does not count any more. Ask for a new one."))
    return identity


def _lock(identity: Identity) -> Identity:
    locked = Identity.objects.select_for_update(no_key=True).filter(pk=identity.pk).first()
    if locked is None:
        raise NotFound("unknown_person", gettext("This person was erased meanwhile."))
    return locked
