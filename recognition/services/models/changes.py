"""Changing the embedding model without stopping: begin, compute, give up.

The vectors of the model to come are computed beside those in use. When none is missing, live probes are decided by
both (see `shadow`), until the switch (see `model_switch`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from recognition.engine.types import ModelFileError
from recognition.models import Embedding, ModelChange, ModelVersion, Photo
from recognition.services import gallery, queue
from recognition.services.analysis import active_model, get_analyzer, register
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.models.reembedding import embed_photos, photos_without

log = logging.getLogger(__name__)

BATCH = 32
LEASE = timedelta(seconds=60)  # a worker that was not heard of for so long is gone
HEALING = timedelta(days=1)  # after a switch
State = ModelChange.State
OPEN = ModelChange.OPEN


def open_change() -> ModelChange | None:
    return ModelChange.objects.select_related("target", "before").filter(state__in=OPEN).first()


def begin(
    name: str, *, user_id: int | None = None, enqueue: bool = True, switch_when_ready: bool = False
) -> ModelChange:
    """Start the way to another installed embedder; a change to it that is open already goes on.

    switch_when_ready: the workers also switch, once no vector is missing.

    Raises NotFound for an unknown name, Conflict when it is in use or another change is open.
    """
    before = active_model()
    target = version_of(name)
    if target.pk == before.pk:
        raise Conflict("in_use", gettext("%(name)s is the model in use.") % {"name": name})
    get_analyzer().embedder_of(target)  # that it can be loaded
    try:
        with transaction.atomic():
            change = ModelChange.objects.create(
                target=target,
                before=before,
                total=enrolled_photos(),
                created_by_id=user_id,
                switch_when_ready=switch_when_ready,
            )
            if enqueue:
                queue.enqueue(queue.ADVANCE_MODEL_CHANGE)
    except IntegrityError:
        there_is = open_change()
        if there_is is None or there_is.target_id != target.pk:
            text = gettext("Another change of the model is open (%(change)s). Finish or stop it first.") % {
                "change": there_is
            }
            raise Conflict("busy", text) from None
        if switch_when_ready:
            ModelChange.objects.filter(pk=there_is.pk, state__in=OPEN).update(switch_when_ready=True)
            there_is.switch_when_ready = True
        return there_is
    return change


def version_of(name: str) -> ModelVersion:
    """The model version of an installed embedder. Raises NotFound or Invalid."""
    try:
        spec = get_analyzer().spec(name)
    except ModelFileError as error:
        raise NotFound("unknown_model", str(error)) from None
    if spec.kind != "embedder":
        raise Invalid(
            "no_embedder",
            gettext("%(name)s is a %(kind)s. Only embedders make vectors.")
            % {"name": name, "kind": spec.kind},
        )
    return register(spec)


def enrolled_photos() -> int:
    return Photo.objects.filter(state=Photo.State.READY, chosen_face__isnull=False).count()


def missing(change: ModelChange) -> QuerySet[Photo]:
    """Photos that still have to be computed."""
    return photos_without(change.target).exclude(pk__in=change.skipped)


def advance(
    *,
    seconds: float | None = None,
    on_photos: Callable[[int], None] = lambda count: None,
    stop: Callable[[], bool] = lambda: False,
) -> ModelChange | None:
    """Go on with the open change: compute vectors until none is missing, for at most so many seconds.

    One process at a time does it; when that is killed, the next call after a minute goes on where it was. Returns
    the change, None when none is open. Raises EngineError when the model cannot be used.
    """
    change = open_change()
    if change is None:
        _heal()
        return None
    me = uuid4().hex
    if not _take(change, me):
        return change
    # Counting goes through all photos, so that it is done once and not for every batch.
    change.total = enrolled_photos()
    change.done = max(0, change.total - missing(change).count())
    ends = time.monotonic() + seconds if seconds is not None else None
    try:
        while photos := list(missing(change).filter(pk__gt=change.cursor)[:BATCH]) or _from_start(change):
            unreadable = embed_photos(photos, change.target, announce=change.state == State.SHADOW)
            on_photos(len(photos))
            change.skipped = [*change.skipped, *unreadable]
            change.cursor = photos[-1].pk
            change.done = min(change.done + len(photos), change.total)
            if not _note(change, me) or stop() or (ends is not None and time.monotonic() >= ends):
                break
        else:
            _complete(change, me)
    finally:
        _held(change, me).update(worker="", worker_until=None)
    return ModelChange.objects.select_related("target", "before").get(pk=change.pk)


def _complete(change: ModelChange, me: str) -> None:
    """No vector is missing: the model decides in the shadow from now on, and the two are compared."""
    if change.state == State.COMPUTING:
        gallery.rebuild_index(change.target)
        _held(change, me).update(state=State.SHADOW, updated_at=timezone.now())
        log.info("every photo has a vector of %s; it decides in the shadow now", change.target)
        queue.enqueue(queue.COMPARE_MODELS, change.pk)
    elif not (change.figures or change.message):  # the message was lost
        queue.enqueue_again(queue.COMPARE_MODELS, change.pk)


def _heal() -> None:
    """Compute what was written for the former model in the moment of the last switch, and lacks a vector since."""
    last = ModelChange.objects.filter(
        state=State.DONE, target__active=True, activated_at__gt=timezone.now() - HEALING
    ).first()
    if last is None:
        return
    photos = list(missing(last)[:BATCH])
    if photos and (unreadable := embed_photos(photos, last.target, announce=True)):
        last.skipped = [*last.skipped, *unreadable]
        last.save(update_fields=["skipped"])


def _from_start(change: ModelChange) -> list[Photo]:
    """Photos below the cursor: those that changed while they were being computed, or were enrolled again."""
    change.cursor = 0
    return list(missing(change)[:BATCH])


def _take(change: ModelChange, me: str) -> bool:
    now = timezone.now()
    over = Q(worker_until__lt=now) | Q(
        worker_until__gt=now + 2 * LEASE
    )  # of a clock that was put right since
    free = ModelChange.objects.filter(
        Q(worker="") | Q(worker_until=None) | over, pk=change.pk, state__in=OPEN
    )
    return bool(free.update(worker=me, worker_until=now + LEASE))


def _held(change: ModelChange, me: str) -> QuerySet[ModelChange]:
    return ModelChange.objects.filter(pk=change.pk, worker=me, state__in=OPEN)


def _note(change: ModelChange, me: str) -> bool:
    """Write down how far it is. False when the change was stopped or another process took it over."""
    now = timezone.now()
    values = {name: getattr(change, name) for name in ("cursor", "skipped", "done", "total")}
    return bool(_held(change, me).update(**values, worker_until=now + LEASE, updated_at=now))


def stop(change: ModelChange) -> None:
    """End an open change; what was computed is kept, so that beginning again goes on from there."""
    if not ModelChange.objects.filter(pk=change.pk, state__in=OPEN).update(
        state=State.STOPPED, worker="", updated_at=timezone.now()
    ):
        raise Conflict("not_open", gettext("This change is not open any more."))
    queue.enqueue(queue.REBUILD_INDEX)


def drop(name: str) -> int:
    """Delete all vectors of a model that is not in use, and return how many there were."""
    version = ModelVersion.objects.filter(name=name).first()
    if version is None:
        raise NotFound("unknown_model", f"There are no vectors of a model {name!r}.")
    with transaction.atomic():
        version = ModelVersion.objects.select_for_update().get(pk=version.pk)
        if version.active:
            raise Conflict("in_use", gettext("%(name)s is the model in use.") % {"name": name})
        if ModelChange.objects.filter(Q(target=version) | Q(before=version), state__in=OPEN).exists():
            raise Conflict(
                "busy", gettext("A change of the model to %(name)s is open. Stop it first.") % {"name": name}
            )
        return Embedding.objects.filter(model_version=version).delete()[0]
