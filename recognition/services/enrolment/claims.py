"""Who works on a photo: a worker claims it, and the time of the claim is the mark by which it is still its own."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from recognition.models import Photo
from recognition.services.clock import not_recent

MAX_ATTEMPTS = 3
CLAIM_LASTS = timedelta(minutes=5)


def claim(pk: int) -> Photo | None:
    """The photo, if it waits or its worker is lost; None when it is gone, done, in work or has had its attempts."""
    now = timezone.now()
    unfinished = Q(state=Photo.State.WAITING) | lost()
    mark = {"state": Photo.State.PROCESSING, "claimed_at": now, "attempts": F("attempts") + 1}
    if not Photo.objects.filter(unfinished, pk=pk).update(**mark):
        return None
    photo = Photo.objects.filter(pk=pk, state=Photo.State.PROCESSING, claimed_at=now).first()
    if photo is not None and photo.attempts > MAX_ATTEMPTS:  # it has killed that many workers
        let_go(photo)
        return None
    return photo


def lost() -> Q:
    """Photos whose worker is lost."""
    return Q(state=Photo.State.PROCESSING) & not_recent("claimed_at", CLAIM_LASTS)


def still_claimed(photo: Photo) -> QuerySet[Photo]:
    """The photo, if it is still ours: nobody else's claim is of the same time."""
    return Photo.objects.filter(pk=photo.pk, state=Photo.State.PROCESSING, claimed_at=photo.claimed_at)


def let_go(photo: Photo) -> None:
    """Give up the claim: the photo waits for another attempt, or is rejected when it has had enough of them."""
    if photo.attempts >= MAX_ATTEMPTS:
        result = {"state": Photo.State.REJECTED, "reason": "failed", "processed_at": timezone.now()}
    else:
        result = {"state": Photo.State.WAITING}
    still_claimed(photo).update(**result)


def put_back(photo: Photo) -> bool:
    """Let it wait as if it had not been claimed. False when it is not ours any more, or done."""
    waiting = {"state": Photo.State.WAITING, "attempts": F("attempts") - 1}
    return bool(still_claimed(photo).update(**waiting))
