"""The switch to the model to come, and back: one transaction, that first computes whatever was enrolled last.

The old vectors stay, so that going back is the same again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from recognition.models import Embedding, Identity, ModelChange, ModelVersion, ThresholdPolicy
from recognition.services import gallery, thresholds
from recognition.services.errors import Conflict
from recognition.services.gallery import record_change
from recognition.services.models.changes import State, advance, begin, missing
from recognition.services.models.reembedding import embed_photos
from recognition.services.thresholds import policy_of

log = logging.getLogger(__name__)

LAST = 64  # photos that are computed inside the switch itself


@dataclass(frozen=True, slots=True)
class Readiness:
    """What stands between a change and its switch.

    missing: photos that have to be computed. left_behind: people whose vectors were imported without photos, so that
    the model to come cannot know them. policy: of the model to come, None when it has no thresholds yet.
    """

    missing: int
    left_behind: int
    policy: ThresholdPolicy | None


def readiness(change: ModelChange) -> Readiness:
    return Readiness(missing(change).count(), left_behind(change).count(), policy_of(change.target))


def left_behind(change: ModelChange) -> QuerySet[Identity]:
    """Active people with vectors of the model in use and none of the one to come, nor a photo to make it of."""
    old = Embedding.objects.filter(identity=OuterRef("pk"), model_version=change.before)
    new = Embedding.objects.filter(identity=OuterRef("pk"), model_version=change.target)
    to_do = missing(change).filter(identity=OuterRef("pk"))
    return Identity.objects.filter(Exists(old), ~Exists(new), ~Exists(to_do), status=Identity.Status.ACTIVE)


def activate(change: ModelChange, *, user_id: int | None = None, leave_behind: bool = False) -> ModelChange:
    """Switch index, policy and vectors to the model of the change, in one step for all processes.

    leave_behind: also when people cannot be known by it. Raises Conflict when the change is not ready.
    """
    gallery.rebuild_index(change.target)  # so that processes find a fresh file
    with transaction.atomic():
        # Enrolment holds the row of the model in use until its vectors are in; none can slip through. Whoever only
        # refers to a model, as a recorded decision does, does not wait.
        versions = {v.pk: v for v in ModelVersion.objects.select_for_update(no_key=True).order_by("pk")}
        current = ModelChange.objects.select_for_update(no_key=True).filter(pk=change.pk).first()
        if current is None or current.state != State.SHADOW:
            raise Conflict("not_ready", gettext("The vectors of the new model are not complete yet."))
        before, target = versions[current.before_id], versions[current.target_id]
        if not before.active:
            raise Conflict(
                "other_model",
                gettext("%(model)s is not the model in use any more. Stop this change.")
                % {"model": before.name},
            )
        _compute_last(current)
        lost = left_behind(current).count()
        if lost and not leave_behind:
            raise Conflict("left_behind", _left_behind_text(lost, current))
        if policy_of(target) is None:
            raise Conflict("no_policy", no_policy_text(target))
        before.active = False
        before.save(update_fields=["active"])
        target.active = True
        target.save(update_fields=["active"])
        record_change(None)
        current.state = State.DONE
        current.activated_at = timezone.now()
        current.activated_by_id = user_id
        current.save(update_fields=["state", "activated_at", "activated_by"])
        thresholds.follow_growth()
    log.warning("%s is the model in use instead of %s", target, before)
    return current


def switch_if_wished(change: ModelChange) -> ModelChange:
    """Switch now if that was asked for in advance and no vector is missing.

    What stands in the way is kept with the change, whose page says it, and a person decides then.
    """
    if not (change.switch_when_ready and change.state == State.SHADOW):
        return change
    try:
        return activate(change, user_id=change.created_by_id)
    except Conflict as error:
        log.warning("%s is not switched to: %s", change.target, error)
        if error.code != "not_ready":  # more photos came in; the next look computes them
            rows = ModelChange.objects.filter(pk=change.pk, state=State.SHADOW)
            rows.update(switch_when_ready=False, message=str(error)[:300])
        return change


def _compute_last(change: ModelChange) -> None:
    photos = list(missing(change)[: LAST + 1])
    if len(photos) > LAST:
        raise Conflict(
            "not_ready", gettext("Photos were enrolled meanwhile; their vectors are being computed.")
        )
    if photos and (unreadable := embed_photos(photos, change.target, announce=True)):
        change.skipped = [*change.skipped, *unreadable]
        change.save(update_fields=["skipped"])


def _left_behind_text(lost: int, change: ModelChange) -> str:
    return ngettext(
        "One person could not be recognised any more: their vectors were imported without photos, and "
        "%(model)s cannot make new ones. Add photos of them, or say that they are to be left behind.",
        "%(lost)s people could not be recognised any more: their vectors were imported without photos, and "
        "%(model)s cannot make new ones. Add photos of them, or say that they are to be left behind.",
        lost,
    ) % {"lost": lost, "model": change.target.name}


def no_policy_text(version: ModelVersion) -> str:
    return gettext(
        "Nothing says which scores of %(model)s are a match. Measure it first: "
        "manage.py calibrate --model %(model)s FOLDER --activate"
    ) % {"model": version.name}


def model_before() -> ModelVersion | None:
    """Which model going back would return to."""
    last = _last_switch()
    return last.before if last else None


def _last_switch() -> ModelChange | None:
    done = ModelChange.objects.filter(state=State.DONE, target__active=True).select_related(
        "before", "target"
    )
    return done.order_by("-activated_at").first()


def roll_back(
    *,
    user_id: int | None = None,
    leave_behind: bool = False,
    wait: bool = True,
    expected: int | None = None,
) -> ModelChange:
    """Return to the model that was in use before the last switch. What was enrolled since is computed first.

    wait: until that is done, however much it is. expected: the only model version that may come of it. Raises Conflict
    when it would be another, when there was none, when another change is open, and without ``wait`` when there is
    much to compute; workers do it then.
    """
    last = _last_switch()
    if last is None:
        raise Conflict("nothing_before", gettext("No other model was in use before this one."))
    if expected is not None and last.before_id != expected:
        if last.target_id == expected:
            raise Conflict(
                "in_use", gettext("%(model)s is the model in use already.") % {"model": last.target.name}
            )
        raise Conflict(
            "changed",
            gettext("Going back would now lead to %(model)s. Confirm that first.")
            % {"model": last.before.name},
        )
    back = begin(last.before.name, user_id=user_id, enqueue=not wait)
    if not wait and missing(back).count() > LAST:
        text = gettext(
            "Vectors of %(model)s are being computed for what was enrolled since. Switch when it is done."
        ) % {"model": back.target.name}
        raise Conflict("computing", text)
    done = advance()
    if done is None or done.state != State.SHADOW:
        raise Conflict("busy", gettext("Another process is computing vectors. Try again in a moment."))
    return activate(back, user_id=user_id, leave_behind=leave_behind)
