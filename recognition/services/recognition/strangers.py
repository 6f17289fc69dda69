"""Faces of strangers, kept beside the decision that did not know them, where the site says so (KEEP_VISITORS_DAYS).

Only what a worker needs is written here; whose face it is like is found out behind the answer.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from recognition.engine.images import bounded, encode_jpeg, surroundings
from recognition.engine.quality import ENROLMENT, covered, reaches
from recognition.engine.types import Image
from recognition.models import Appearance, DataKey, Decision, ThresholdPolicy, Visitor
from recognition.sealing import forget_keys, new_keys
from recognition.services import queue
from recognition.services.recognition.answers import FaceAnswer

log = logging.getLogger(__name__)

AROUND = 0.8  # how much around the face is kept, as a share of its size
MAX_SIDE = 640  # of what is kept around a face
KINDS = (Decision.Kind.IDENTIFY, Decision.Kind.WATCH)


def keep(
    decisions: Sequence[Decision],
    faces: Sequence[FaceAnswer],
    picture: Image,
    policy: ThresholdPolicy,
    *,
    whole: bool = False,
) -> None:
    """Keep those of these faces that are strangers'. decisions: stored in the transaction in progress, one for each
    face; two more statements there are all that the one who asks waits for.

    whole: the picture is what was seen around the one face. A picture that cannot be kept is told to the log only.
    """
    if settings.KEEP_VISITORS_DAYS <= 0:
        return
    pairs = zip(decisions, faces, strict=True)
    strangers = [(decision, face) for decision, face in pairs if is_stranger(decision, face, policy)]
    try:
        rows = [
            _row(decision, face, picture if whole else surroundings(picture, face.seen.face.box, AROUND))
            for decision, face in strangers
        ]
    except Exception:
        log.exception("the face of a stranger could not be kept")
        return
    if rows:
        for row, key in zip(rows, new_keys([None] * len(rows)), strict=True):
            row.key_id = key.pk
        Appearance.objects.bulk_create(rows)
        queue.enqueue_again(queue.GATHER_VISITORS)


def is_stranger(decision: Decision, face: FaceAnswer, policy: ThresholdPolicy) -> bool:
    """Whether this is the face of somebody unknown, and worth keeping.

    It was seen by a kiosk or camera, would do as an enrolment photo, and is clearly nobody who is known: the best score
    is below the 1:N threshold by more than the margin, which is what the policy calls a clear difference.
    """
    if decision.kind not in KINDS or not (decision.api_key_id or decision.camera_id):
        return False
    if face.reason != "not_recognised" or face.seen.vector is None:
        return False
    if decision.score is not None and not clearly_below(decision.score, policy):
        return False
    return reaches(face.seen.quality, ENROLMENT, covered(face.seen.face))


def clearly_below(score: float, policy: ThresholdPolicy) -> bool:
    return score < policy.identify_threshold - policy.margin


def _row(decision: Decision, face: FaceAnswer, around: Image) -> Appearance:
    return Appearance(
        decision=decision,
        model_version_id=decision.model_version_id,
        vector=face.seen.vector,
        crop=encode_jpeg(face.seen.crop),
        picture=encode_jpeg(bounded(around, MAX_SIDE), 90),
        quality=face.seen.quality.score,
        at=decision.created_at,
    )


def drop_faces(rows: QuerySet[Appearance]) -> int:
    """Remove vectors and pictures of these and destroy their keys; that somebody was seen stays. Returns how many."""
    with transaction.atomic():
        found = dict(rows.exclude(key=None).select_for_update(of=("self",)).values_list("pk", "key"))
        Appearance.objects.filter(pk__in=found).update(vector=None, crop=None, picture=None, key=None)
        DataKey.objects.filter(pk__in=found.values()).delete()
        transaction.on_commit(partial(forget_keys, list(found.values())))
    return len(found)


def remove_appearances(rows: QuerySet[Appearance]) -> int:
    """Remove these whole, and visitors of whom nothing is left; returns how many."""
    with transaction.atomic():
        # Visitors before their appearances, as everybody locks them.
        visitors = list(rows.exclude(visitor=None).order_by().values_list("visitor", flat=True).distinct())
        list(Visitor.objects.select_for_update().filter(pk__in=visitors).order_by("pk"))
        numbers = list(rows.values_list("pk", flat=True))
        if not numbers:
            return 0
        found = Appearance.objects.filter(pk__in=numbers)
        drop_faces(found)
        found.delete()
        left = Appearance.objects.filter(visitor=OuterRef("pk"))
        Visitor.objects.filter(~Exists(left), pk__in=visitors).delete()
    return len(numbers)
