"""Two people who turn out to be one: merged, and parted again.

Past decisions are left alone: who was merged goes on to stand for what they named, without photos, vectors or account.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext

from recognition.models import (
    Attendance,
    Consent,
    DataKey,
    Embedding,
    Identity,
    Merge,
    Photo,
)
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.files import reseal_what_others_have
from recognition.services.gallery import record_change

log = logging.getLogger(__name__)

# What moves as it is, by the name in `Merge.moved`.
ROWS = {"attendances": Attendance, "consents": Consent, "keys": DataKey}


def merge(*, into: Identity, other: Identity, user_id: int | None = None) -> Identity:
    """Give all photos, vectors, attendance, consents and the account of `other` to `into`. It can be undone.

    user_id: who asks for it. Raises Conflict when both have an account, since only one of them could go on signing in
    by face, and when one has withdrawn consent, which would get lost.
    """
    if into.pk == other.pk:
        raise Invalid("same_person", gettext("Choose two different people to merge."))
    with transaction.atomic():
        into, other = _locked(into.pk, other.pk)
        if into.merged_into_id or other.merged_into_id:
            raise NotFound("unknown_person", gettext("One of the two was merged into somebody meanwhile."))
        if into.user_id and other.user_id:
            raise Conflict("two_accounts", gettext("Both people have an account. Unlink one of them first."))
        if into.withdrawn_at or other.withdrawn_at:
            raise Conflict(
                "consent_withdrawn",
                gettext(
                    "One of the two has withdrawn consent. Erase that one, or record a new consent first."
                ),
            )
        done = Merge(into=into, other=other, status=other.status, user_id=other.user_id, by_id=user_id)
        done.moved = _move(into, other)
        other.user, other.status, other.merged_into = None, Identity.Status.SUSPENDED, into
        other.save(update_fields=["user", "status", "merged_into", "updated_at"])
        if done.user_id:
            into.user_id = done.user_id
            into.save(update_fields=["user", "updated_at"])
        done.save()
        record_change(into.pk, other.pk)
    log.info("people merged", extra={"into": into.pk, "other": other.pk})
    return into


def undo_merge(merge: Merge) -> Identity:
    """Part the two again, each with what was theirs; answers who had been merged. What was added to the one who stayed
    since, and what past decisions said, stays there.

    Raises Conflict when it was undone already, when the one who stayed was merged into somebody since, and when consent
    was withdrawn since, which speaks for both.
    """
    with transaction.atomic():
        into, other = _locked(merge.into_id, merge.other_id)
        done = Merge.objects.select_for_update(no_key=True).get(pk=merge.pk)
        if done.undone_at or other.merged_into_id != into.pk:
            raise Conflict("undone", gettext("This merge was undone already."))
        if into.merged_into_id:
            raise Conflict(
                "merged_since",
                gettext("%(name)s was merged into somebody since. Undo that first.") % {"name": into.name},
            )
        if into.withdrawn_at:
            raise Conflict(
                "consent_withdrawn",
                gettext("%(name)s has withdrawn consent since, for both.") % {"name": into.name},
            )
        _move_back(done.moved, into, other)
        other.status, other.merged_into = done.status, None
        if done.user_id and into.user_id == done.user_id:
            into.user = None
            into.save(update_fields=["user", "updated_at"])
            other.user_id = done.user_id
        other.save(update_fields=["user", "status", "merged_into", "updated_at"])
        done.undone_at = timezone.now()
        done.save(update_fields=["undone_at"])
        for later in merges_into(
            into
        ):  # they may have a photo that was left behind because this one had it, too
            later.moved["photos"] += _take_photos(into, later.other)
            later.save(update_fields=["moved"])
        # Each has only what their own keys seal, so that erasing one takes nothing from the other.
        reseal_what_others_have(into.pk)
        reseal_what_others_have(other.pk)
        record_change(into.pk, other.pk)
    log.info("people parted", extra={"into": into.pk, "other": other.pk})
    return other


def merges_into(identity: Identity) -> list[Merge]:
    """Those that could be undone, the last one first, each with ``other``."""
    rows = Merge.objects.filter(into=identity, undone_at=None, other__merged_into=identity)
    return list(rows.select_related("other", "by"))


def numbers_of(pk: int) -> list[int]:
    """The person's own number, and those of everybody who was merged into the person, in whatever steps."""
    found, last = [pk], [pk]
    while last:
        last = list(Identity.everyone.filter(merged_into__in=last).values_list("pk", flat=True))
        found += last
    return found


def stand_for(numbers: Iterable[int]) -> list[Identity]:
    """The people who stand for these numbers at present, each once: who was merged is who stayed."""
    found: dict[int, Identity] = {}
    left = set(numbers)
    while left:
        rows = list(Identity.everyone.filter(pk__in=left).select_related("user"))
        found |= {row.pk: row for row in rows if row.merged_into_id is None}
        left = {row.merged_into_id for row in rows if row.merged_into_id is not None}
    return [found[pk] for pk in sorted(found)]


def _locked(*numbers: int) -> tuple[Identity, Identity]:
    rows = Identity.everyone.select_for_update().filter(pk__in=numbers).order_by("pk")
    found = {row.pk: row for row in rows}
    if len(found) != len(numbers):
        raise NotFound("unknown_person", gettext("One of the two was erased meanwhile."))
    into, other = (found[number] for number in numbers)
    return into, other


def _move(into: Identity, other: Identity) -> dict[str, Any]:
    moved: dict[str, Any] = {"swapped": _swap(into, other), "photos": _take_photos(into, other)}
    moved["vectors"], moved["sources"] = _take_imported_vectors(into, other)
    for name, model in ROWS.items():
        rows = model._default_manager.filter(identity=other)
        if model is Attendance:  # of a picture on which both were seen the one of `into` counts
            there = into.attendances.filter(api_key=OuterRef("api_key"), read=OuterRef("read"))
            rows = rows.exclude(Exists(there))
        moved[name] = list(rows.values_list("pk", flat=True))
        model._default_manager.filter(pk__in=moved[name]).update(identity=into)
    resembling = Photo.objects.filter(resembles=other)
    moved["resembling"] = list(resembling.values_list("pk", flat=True))
    resembling.update(resembles=into)
    return moved


def _move_back(moved: dict[str, Any], into: Identity, other: Identity) -> None:
    for came, went in moved["swapped"]:
        _exchange(came, went, into, other)
    _give(Photo.objects.filter(pk__in=moved["photos"], identity=into), other)
    vectors = Embedding.objects.filter(pk__in=moved["vectors"], identity=into)
    for vector in vectors:
        vector.identity = other
        vector.source = moved["sources"].get(str(vector.pk), vector.source)
        vector.save(update_fields=["identity", "source"])
    for name, model in ROWS.items():
        model._default_manager.filter(pk__in=moved[name], identity=into).update(identity=other)
    Photo.objects.filter(pk__in=moved["resembling"], resembles=into).update(resembles=other)


def _take_photos(into: Identity, other: Identity) -> list[int]:
    """Those of files that `into` has not; the others stay behind."""
    there = into.photos.values("sha256")
    return _give(other.photos.exclude(sha256__in=there), into)


def _give(photos: Any, to: Identity) -> list[int]:
    """With their vectors."""
    numbers = list(photos.values_list("pk", flat=True))
    Photo.objects.filter(pk__in=numbers).update(identity=to)
    Embedding.objects.filter(photo__in=numbers).update(identity=to)
    return numbers


def _swap(into: Identity, other: Identity) -> list[tuple[int, int]]:
    """Of a file that both have, the photo that is ready counts: it comes, and the one that is not goes."""
    ready = {photo.sha256: photo.pk for photo in other.photos.filter(state=Photo.State.READY)}
    worse = into.photos.filter(sha256__in=ready).exclude(state=Photo.State.READY)
    pairs = [(ready[photo.sha256], photo.pk) for photo in worse]
    for came, went in pairs:
        _exchange(came, went, other, into)
    return pairs


def _exchange(came: int, went: int, its: Identity, to: Identity) -> None:
    """The photo `came` of `its` goes to `to`, `went` the other way. A person has a file once, so one steps aside."""
    first, second = Photo.objects.filter(pk=came, identity=its), Photo.objects.filter(pk=went, identity=to)
    digest = second.values_list("sha256", flat=True).first()
    if digest is not None:
        second.update(sha256=f"aside {went}")
    _give(first, to)
    if digest is not None:
        _give(second, its)
        Photo.objects.filter(pk=went).update(sha256=digest)


def _take_imported_vectors(into: Identity, other: Identity) -> tuple[list[int], dict[str, str]]:
    """Give those of the same source another one: it may be there once for each person and model."""
    taken = set(into.embeddings.filter(photo=None).values_list("model_version", "source"))
    moved, before = [], {}
    for vector in other.embeddings.filter(photo=None):
        source, number = vector.source, 1
        while (vector.model_version_id, source) in taken:
            number += 1
            source = f"{vector.source[:200]} ({other.external_id[:40]} {number})"
        taken.add((vector.model_version_id, source))
        if source != vector.source:
            before[str(vector.pk)] = vector.source
        vector.source, vector.identity = source, into
        vector.save(update_fields=["source", "identity"])
        moved.append(vector.pk)
    return moved, before
