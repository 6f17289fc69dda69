"""Enrolling, changing and suspending people."""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from unicodedata import category

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from recognition.models import DataKey, Identity, Import, ImportPart, ImportRow
from recognition.sealing import forget_keys
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.gallery import record_change

ERASED = "erased person {}"  # what the log of the admin calls whoever is gone
FORGET = """
    UPDATE recognition_decision SET candidates = coalesce((
        SELECT jsonb_agg(candidate ORDER BY place)
        FROM jsonb_array_elements(candidates) WITH ORDINALITY AS listed(candidate, place)
        WHERE (candidate ->> 'identity')::bigint <> %(pk)s
    ), '[]')
    WHERE candidates @> %(mention)s::jsonb
"""


def get_identity(external_id: str) -> Identity:
    """By the person's own ID, or by that of somebody who was merged into the person. Raises NotFound."""
    try:
        found = Identity.everyone.get(external_id=external_id)
    except (Identity.DoesNotExist, ValueError, DataError):  # the database refuses texts that cannot be an ID
        raise NotFound(
            "unknown_person",
            gettext("There is no person with the ID %(external_id)s.") % {"external_id": repr(external_id)},
        ) from None
    while found.merged_into_id is not None:
        found = Identity.everyone.get(pk=found.merged_into_id)
    return found


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
            raise NotFound("unknown_person", gettext("This person was erased meanwhile."))
        if changes.get("status") == Identity.Status.ACTIVE and locked.withdrawn_at:
            raise Conflict(
                "consent_withdrawn",
                gettext("%(name)s has withdrawn consent. Record a new one before resuming.")
                % {"name": locked.name},
            )
        before, called = locked.status, locked.external_id
        for field, value in changes.items():
            setattr(locked, field, value.strip() if isinstance(value, str) else value)
        _save(locked)
        if locked.external_id != called:
            ImportRow.objects.filter(external_id=called, identity=None).update(identity=locked)
        if locked.status != before:
            record_change(locked.pk)
    return locked


def lock_people(*numbers: int) -> list[int]:
    """Keep these people from being erased or merged until the transaction in progress ends; answers who is still there.

    Whoever locks several kinds of rows locks people first, by their numbers, then visitors, then decisions.
    """
    rows = Identity.everyone.select_for_update(no_key=True).filter(pk__in=numbers).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def suspend(identity: Identity) -> Identity:
    """Not recognised any more from the next request on; nothing is lost."""
    return update_identity(identity, status=Identity.Status.SUSPENDED)


def resume(identity: Identity) -> Identity:
    return update_identity(identity, status=Identity.Status.ACTIVE)


def forget_in_decisions(pk: int) -> None:
    """Take the person out of the candidates of past decisions."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, {"mention": json.dumps([{"identity": pk}]), "pk": pk})


def forget_in_admin_log(pk: int) -> None:
    """The admin notes the name of what was changed; who changed it stays."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Identity), object_id=str(pk)
    )
    entries.update(object_repr=ERASED.format(pk))


def forget_in_imports(pk: int) -> None:
    """What became of the person's photos, and whatever was handed in with them and is not done: it would bring the
    person back."""
    rows = rows_of_imports(pk)
    jobs = list(Import.objects.select_for_update().filter(pk__in=rows.values("job")).order_by("pk"))
    unfinished = [job.pk for job in jobs if job.state != Import.Stage.DONE]
    running = [job.pk for job in jobs if job.state == Import.Stage.RUNNING]
    keys = [job.key_id for job in jobs if job.key_id and job.pk in unfinished]
    ImportPart.objects.filter(job__in=unfinished).delete()
    Import.objects.filter(pk__in=unfinished).update(key=None, stop_wished=True)
    DataKey.objects.filter(pk__in=keys, identity=None).delete()
    transaction.on_commit(partial(forget_keys, keys))
    rows.delete()
    # Whose photos nobody named were is not known; their paths may hold the name.
    ImportRow.objects.filter(job__in=[job.pk for job in jobs], result=ImportRow.Result.UNUSED).delete()
    Import.objects.filter(pk__in=set(unfinished) - set(running)).delete()


def rows_of_imports(*numbers: int) -> QuerySet[ImportRow]:
    """Of these people, or under the ID that they have."""
    external_ids = Identity.everyone.filter(pk__in=numbers).values("external_id")
    return ImportRow.objects.filter(Q(identity__in=numbers) | Q(external_id__in=external_ids))


def _save(identity: Identity) -> Identity:
    refuse_what_is_no_text(external_id=identity.external_id, name=identity.name)
    try:
        identity.full_clean()
    except ValidationError as error:
        messages = error.message_dict
        if "external_id" in messages and Identity.objects.filter(external_id=identity.external_id).exists():
            raise Conflict(
                "id_taken",
                gettext("The ID %(external_id)s belongs to another person.")
                % {"external_id": repr(identity.external_id)},
            ) from None
        if "user" in messages and Identity.objects.filter(user=identity.user_id).exists():
            raise Conflict("account_taken", gettext("The account belongs to another person.")) from None
        field, texts = next(iter(messages.items()))
        raise Invalid("invalid_person", f"{field}: {texts[0]}") from None
    try:
        with transaction.atomic():
            identity.save()
    except IntegrityError:
        raise Conflict("id_taken", gettext("The ID or the account belongs to another person.")) from None
    return identity


def refuse_what_is_no_text(**texts: str) -> None:
    """Raises Invalid for control characters, and for bytes of a file name that are no text."""
    for field, text in texts.items():
        if any(category(character) in ("Cc", "Cs") for character in text):
            raise Invalid(
                "invalid_person",
                gettext("%(field)s: It holds a character that cannot be printed.") % {"field": field},
            )
