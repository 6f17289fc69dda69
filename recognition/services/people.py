"""Enrolling, changing, suspending, merging and erasing people."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from recognition.models import Decision, Identity, Photo
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.live_gallery import record_change


def get_identity(external_id: str) -> Identity:
    try:
        return Identity.objects.get(external_id=external_id)
    except Identity.DoesNotExist:
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


def erase(identity: Identity) -> None:
    """Remove the person, photos, crops and vectors, and their mention in past decisions. Cannot be undone."""
    with transaction.atomic():
        if not Identity.objects.select_for_update().filter(pk=identity.pk).exists():
            return
        for photo in Photo.objects.filter(identity=identity):
            delete_files(photo)
        _forget_in_decisions(identity.pk)
        _forget_in_admin_log(identity.pk)
        Identity.objects.filter(pk=identity.pk).delete()
        record_change(identity.pk)


def merge(*, into: Identity, other: Identity) -> Identity:
    """Give all photos, vectors and history of `other` to `into`, then remove `other`.

    Raises Conflict when both have an account, since only one of them could go on signing in by face.
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
        known = set(into.photos.values_list("sha256", flat=True))
        for photo in other.photos.filter(sha256__in=known):
            delete_files(photo)
            photo.delete()
        other.photos.update(identity=into)
        taken = into.embeddings.filter(photo=None).values("model_version", "source")
        for vector in other.embeddings.filter(photo=None):
            if {"model_version": vector.model_version_id, "source": vector.source} in taken:
                vector.source = f"{vector.source[:200]} ({other.external_id[:50]})"
                vector.save(update_fields=["source"])
        other.embeddings.update(identity=into)
        other.decisions.update(identity=into)
        user_id = into.user_id or other.user_id
        _forget_in_decisions(other.pk)
        gone = other.pk
        other.delete()
        if user_id != into.user_id:
            into.user_id = user_id
            into.save(update_fields=["user"])
        record_change(into.pk, gone)
    return into


def delete_files(photo: Photo) -> None:
    """Remove the bytes of a photo and its crop; the caller removes the row in the same transaction."""
    for stored in (photo.image, photo.crop):
        if stored:
            stored.delete(save=False)


def _forget_in_decisions(pk: int) -> None:
    mentioned = Decision.objects.filter(candidates__contains=[{"identity": pk}])
    for decision in mentioned.only("id", "candidates").iterator():
        decision.candidates = [c for c in decision.candidates if c["identity"] != pk]
        decision.save(update_fields=["candidates"])


def _forget_in_admin_log(pk: int) -> None:
    """The admin notes the name of what was changed; who changed it stays."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Identity), object_id=str(pk)
    )
    entries.update(object_repr=f"erased person {pk}")


def _save(identity: Identity) -> Identity:
    try:
        identity.full_clean()
    except ValidationError as error:
        messages = error.message_dict
        if "external_id" in messages and Identity.objects.filter(external_id=identity.external_id).exists():
            raise Conflict(
                "id_taken", f"The ID {identity.external_id!r} belongs to another person."
            ) from None
        field, texts = next(iter(messages.items()))
        raise Invalid("invalid_person", f"{field}: {texts[0]}") from None
    try:
        with transaction.atomic():
            identity.save()
    except IntegrityError:
        raise Conflict("id_taken", "The ID or the account belongs to another person.") from None
    return identity
