"""Erasing a person everywhere, with a signed receipt that names nobody."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models.fields.files import FieldFile
from django.utils import timezone

from recognition.engine.types import EngineError
from recognition.models import (
    Appearance,
    DataKey,
    Embedding,
    Erasure,
    Identity,
    Invitation,
    ModelVersion,
    Photo,
    ProbePicture,
    ThresholdPolicy,
)
from recognition.sealing import SealError, forget_keys
from recognition.services import recognition
from recognition.services.files import read_file, remove_files_of, reseal_what_others_have
from recognition.services.gallery import last_change, load_vectors, record_change
from recognition.services.identities import traces
from recognition.services.identities.merging import numbers_of
from recognition.services.identities.people import (
    forget_in_admin_log,
    forget_in_decisions,
    forget_in_imports,
    lock_people,
)
from recognition.services.identities.receipts import Receipt, sign, write_receipt
from recognition.services.thresholds import active_policy

log = logging.getLogger(__name__)


def erase(identity: Identity, *, by: str = "") -> Receipt | None:
    """Remove the person, photos, crops and vectors, and their mention in past decisions. Cannot be undone.

    by: who asks for it. Returns the signed receipt, which is also kept as an `Erasure` and written to the data folder;
    None when the person is gone already.
    """
    _leave_gallery(identity.pk)
    _forget_as_stranger(identity.pk)
    with transaction.atomic():
        lock_people(*numbers_of(identity.pk))
        locked = Identity.objects.select_for_update().filter(pk=identity.pk).first()
        if locked is None:
            return None
        content = _described(locked)
        numbers = numbers_of(locked.pk)
        for number in numbers:
            reseal_what_others_have(number, but=numbers)
            recognition.forget_probe_pictures(number)
            forget_in_decisions(number)
            forget_in_admin_log(number)
            forget_in_imports(number)
        for photo in Photo.objects.filter(identity__in=numbers).only("image", "crop"):
            remove_files_of(photo)
        keys = list(DataKey.objects.filter(identity__in=numbers).values_list("pk", flat=True))
        Identity.objects.filter(pk=locked.pk).delete()
        transaction.on_commit(partial(forget_keys, keys))
        record_change(*numbers)
        receipt = sign(content | {"erased_at": timezone.now().isoformat(), "change_number": last_change()})
        Erasure.objects.create(person=locked.pk, receipt=receipt, by=by[:200])
        transaction.on_commit(partial(write_receipt, receipt))
    log.info("person erased", extra={"person": locked.pk})
    return receipt


def _leave_gallery(pk: int) -> None:
    """Not recognised from the next request on. The many decisions to change take a while, and probes of people who
    look alike would wait for a locked candidate."""
    with transaction.atomic():
        lock_people(*numbers_of(pk))  # in the order of all, as this may be part of a longer transaction
        active = Identity.objects.filter(pk=pk, status=Identity.Status.ACTIVE)
        if active.update(status=Identity.Status.SUSPENDED, updated_at=timezone.now()):
            record_change(pk)


def _forget_as_stranger(pk: int) -> None:
    """What was kept of the person's face before it was known, or where it was not; rather of one visitor too many, so
    that the 1:1 threshold is enough. The events of visitors stay, as they name nobody."""
    numbers = numbers_of(pk)
    if not Appearance.objects.exists() or not Embedding.objects.filter(identity__in=numbers).exists():
        return
    active = active_policy().model_version
    others = [version for version in recognition.models_of_strangers() if version != active]
    for version in [*others, active]:  # in this order, as a worker may be making faces of the others anew
        try:
            _forget_strangers(version, numbers)
        except EngineError:
            log.exception(
                "unknown visitors cannot be compared with an erased person; they go with their time"
            )


def _forget_strangers(version: ModelVersion | None, numbers: list[int]) -> None:
    """Those of this model who are like the person of these numbers; all of them where that cannot be told."""
    if version is not None:
        vectors = load_vectors(version, numbers, status=Identity.Status.SUSPENDED)[1]
        policy = ThresholdPolicy.objects.filter(model_version=version, active=True).first()
        if len(vectors) and policy is not None:
            recognition.forget_strangers_like(vectors, version, policy.verify_threshold)
            return
    recognition.forget_strangers_of(version)


def _described(identity: Identity) -> dict[str, Any]:
    """What is going to be erased: how many of each kind, and the digest of each file and vector, but no name."""
    numbers = numbers_of(identity.pk)
    photos = list(Photo.objects.filter(identity__in=numbers).order_by("pk"))
    vectors = list(Embedding.objects.filter(identity__in=numbers).order_by("pk").values_list("pk", flat=True))
    pictures = [one for number in numbers for one in recognition.probe_pictures_of(number)]
    person: dict[str, Any] = {"number": identity.pk, "enrolled_at": identity.created_at.isoformat()}
    if numbers[1:]:
        person["merged"] = numbers[1:]  # the numbers of those who were merged into the person
    return {
        "person": person,
        "counts": {
            "photos": len(photos),
            "crops": sum(bool(photo.crop) for photo in photos),
            "vectors": len(vectors),
            "keys": DataKey.objects.filter(identity__in=numbers).count(),
            "consents": identity.consents.count(),
            "invitations": Invitation.objects.filter(identity__in=numbers).count(),
            "attendance": identity.attendances.count(),
            "decisions": traces.decisions_about(*numbers).count(),
            "pictures shown for recognition": len(pictures),
            "entries of the admin's log": traces.admin_log_of(*numbers).count(),
        },
        "files": [*_files(photos), *_pictures(pictures)],
        "photos": [{"number": photo.pk, "handed_in_sha256": photo.sha256} for photo in photos],
        "vectors": [{"number": pk, "sha256": _digest_of_vector(pk)} for pk in vectors],
    }


def _digest_of_vector(pk: int) -> str:
    """Of its float32 numbers, little-endian; empty where it cannot be read."""
    try:
        vector = Embedding.objects.get(pk=pk).vector
    except SealError:
        return ""
    return hashlib.sha256(np.asarray(vector, "<f4").tobytes()).hexdigest()


def _files(photos: Iterable[Photo]) -> list[dict[str, str]]:
    return [_file(stored) for photo in photos for stored in (photo.image, photo.crop) if stored]


def _pictures(pictures: Iterable[ProbePicture]) -> list[dict[str, str]]:
    return [_file(picture.image) for picture in pictures if picture.image]


def _file(stored: FieldFile) -> dict[str, str]:
    """Name in the storage and digest; of the picture itself; empty where it was lost before."""
    try:
        digest = hashlib.sha256(read_file(stored)).hexdigest()
    except (SealError, FileNotFoundError):
        digest = ""
    return {"name": str(stored.name), "sha256": digest}
