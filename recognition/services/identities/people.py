"""Enrolling, changing, suspending and merging people."""

from __future__ import annotations

import json
from typing import Any
from unicodedata import category

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, transaction

from recognition.models import Identity, Photo, ShadowDecision
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.files import remove_files_of
from recognition.services.gallery import record_change

ERASED = "erased person {}"  # what the log of the admin calls whoever is gone
RENAME = """
    UPDATE recognition_decision SET candidates = coalesce((
        SELECT jsonb_agg(jsonb_set(kept.candidate, '{identity}', to_jsonb(kept.who)) ORDER BY kept.place)
        FROM (
            SELECT DISTINCT ON (who) who, candidate, place
            FROM jsonb_array_elements(candidates) WITH ORDINALITY AS listed(candidate, place),
            LATERAL (SELECT nullif((candidate ->> 'identity')::bigint, %(pk)s) AS other) AS another,
            LATERAL (SELECT coalesce(other, %(to)s::bigint) AS who) AS named
            WHERE who IS NOT NULL
            ORDER BY who, place
        ) AS kept
    ), '[]')
    WHERE candidates @> %(mention)s::jsonb
"""


def get_identity(external_id: str) -> Identity:
    try:
        return Identity.objects.get(external_id=external_id)
    except (Identity.DoesNotExist, ValueError, DataError):  # the database refuses texts that cannot be an ID
        raise NotFound("unknown_person", f"There is no person with the ID {external_id!r}.") from None


def create_identity(*, name: str, external_id: str | None = None, user_id: int | None = None) -> Identity:
    """A person without photos yet. Raises Invalid for a name or ID that cannot be used, Conflict when it is taken."""
    identity = Identity(name=name.strip(), user_id=user_id)
    if external_id:
        identity.external_id = external_id.strip()
    return _save(identity)


def update_identity(identity: Identity, **changes: Any) -> Identity:
    """Change name, external_id, user_id or status; the gallery follows a change of status at once."""
    unknown = changes.keys() - {"name", "external_id", "user_id", "status"}
    if unknown:
        raise TypeError(f"cannot change {', '.join(sorted(unknown))}")
    with transaction.atomic():
        locked = Identity.objects.select_for_update().filter(pk=identity.pk).first()
        if locked is None:
            raise NotFound("unknown_person", "This person was erased meanwhile.")
        if changes.get("status") == Identity.Status.ACTIVE and locked.withdrawn_at:
            raise Conflict(
                "consent_withdrawn", f"{locked.name} has withdrawn consent. Record a new one before resuming."
            )
        before = locked.status
        for field, value in changes.items():
            setattr(locked, field, value.strip() if isinstance(value, str) else value)
        _save(locked)
        if locked.status != before:
            record_change(locked.pk)
    return locked


def suspend(identity: Identity) -> Identity:
    """Not recognised any more from the next request on; nothing is lost."""
    return update_identity(identity, status=Identity.Status.SUSPENDED)


def resume(identity: Identity) -> Identity:
    return update_identity(identity, status=Identity.Status.ACTIVE)


def merge(*, into: Identity, other: Identity) -> Identity:
    """Give all photos, vectors and history of `other` to `into`, then remove `other`.

    Raises Conflict when both have an account, since only one of them could go on signing in by face, and when one
    has withdrawn consent, which would get lost.
    """
    if into.pk == other.pk:
        raise Invalid("same_person", "Choose two different people to merge.")
    with transaction.atomic():
        locked = {
            p.pk: p
            for p in Identity.objects.select_for_update().filter(pk__in=[into.pk, other.pk]).order_by("pk")
        }
        if len(locked) != 2:
            raise NotFound("unknown_person", "One of the two was erased meanwhile.")
        into, other = locked[into.pk], locked[other.pk]
        if into.user_id and other.user_id:
            raise Conflict("two_accounts", "Both people have an account. Unlink one of them first.")
        if into.withdrawn_at or other.withdrawn_at:
            raise Conflict(
                "consent_withdrawn",
                "One of the two has withdrawn consent. Erase that one, or record a new consent first.",
            )
        _move_photos(into, other)
        _move_imported_vectors(into, other)
        other.embeddings.update(identity=into)
        other.decisions.update(identity=into)
        other.attendances.update(identity=into)
        other.consents.update(identity=into)
        other.data_keys.update(identity=into)
        ShadowDecision.objects.filter(identity=other).update(identity=into)
        rename_in_decisions(other.pk, into.pk)
        user_id = into.user_id or other.user_id
        gone = other.pk
        forget_in_admin_log(gone)
        other.delete()
        if user_id != into.user_id:
            into.user_id = user_id
            into.save(update_fields=["user", "updated_at"])
        record_change(into.pk, gone)
    return into


def _move_photos(into: Identity, other: Identity) -> None:
    """Of a file that both have, the photo that is ready stays."""
    twins = {photo.sha256: photo for photo in into.photos.all()}
    for photo in other.photos.filter(sha256__in=twins):
        twin = twins[photo.sha256]
        better = photo.state == Photo.State.READY and twin.state != Photo.State.READY
        worse = twin if better else photo
        remove_files_of(worse)
        worse.delete()
    other.photos.update(identity=into)


def _move_imported_vectors(into: Identity, other: Identity) -> None:
    """Give those of the same source another one: it may be there once for each person and model."""
    taken = set(into.embeddings.filter(photo=None).values_list("model_version", "source"))
    for vector in other.embeddings.filter(photo=None):
        source, number = vector.source, 1
        while (vector.model_version_id, source) in taken:
            number += 1
            source = f"{vector.source[:200]} ({other.external_id[:40]} {number})"
        taken.add((vector.model_version_id, source))
        if source != vector.source:
            vector.source = source
            vector.save(update_fields=["source"])


def rename_in_decisions(pk: int, to: int | None) -> None:
    """Let past decisions speak of another person instead, or of nobody. Of two mentions the better one stays."""
    with connection.cursor() as cursor:
        cursor.execute(RENAME, {"mention": json.dumps([{"identity": pk}]), "pk": pk, "to": to})


def forget_in_admin_log(pk: int) -> None:
    """The admin notes the name of what was changed; who changed it stays."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Identity), object_id=str(pk)
    )
    entries.update(object_repr=ERASED.format(pk))


def _save(identity: Identity) -> Identity:
    refuse_what_is_no_text(external_id=identity.external_id, name=identity.name)
    try:
        identity.full_clean()
    except ValidationError as error:
        messages = error.message_dict
        if "external_id" in messages and Identity.objects.filter(external_id=identity.external_id).exists():
            raise Conflict(
                "id_taken", f"The ID {identity.external_id!r} belongs to another person."
            ) from None
        if "user" in messages and Identity.objects.filter(user=identity.user_id).exists():
            raise Conflict("account_taken", "The account belongs to another person.") from None
        field, texts = next(iter(messages.items()))
        raise Invalid("invalid_person", f"{field}: {texts[0]}") from None
    try:
        with transaction.atomic():
            identity.save()
    except IntegrityError:
        raise Conflict("id_taken", "The ID or the account belongs to another person.") from None
    return identity


def refuse_what_is_no_text(**texts: str) -> None:
    """Raises Invalid for control characters, and for bytes of a file name that are no text."""
    for field, text in texts.items():
        if any(category(character) in ("Cc", "Cs") for character in text):
            raise Invalid("invalid_person", f"{field}: It holds a character that cannot be printed.")
