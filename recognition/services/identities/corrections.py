"""Who somebody really was at an event, as staff say afterwards. The decision stays as it was recorded.

Attendance follows, and two people of whom one was taken for the other are noted as look-alikes.
"""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils.translation import gettext

from recognition.models import Appearance, Attendance, Correction, Decision, Identity, Lookalikes
from recognition.services import attendance, recognition
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.identities.lookalike_pairs import add_lookalikes
from recognition.services.identities.merging import numbers_of, stand_for
from recognition.services.identities.people import lock_people

log = logging.getLogger(__name__)


def correct(decision: Decision, *, to: Identity | None, by_id: int | None = None) -> Correction:
    """It was this person, or none of those who are known. A later correction takes the place of an earlier one.

    Raises Invalid when that is what was decided anyway, Conflict for a face that was never looked for, and NotFound
    when the person is gone.
    """
    with transaction.atomic():
        _lock_whom_it_concerns(decision, to)
        if to is not None:  # no stranger, then; first, as visitors are locked before decisions
            recognition.remove_appearances(Appearance.objects.filter(decision=decision))
        decision = Decision.objects.select_for_update(no_key=True, of=("self",)).get(pk=decision.pk)
        if decision.outcome == Decision.Outcome.REJECTED and not decision.candidates:
            raise Conflict(
                "not_compared", gettext("Nobody was looked for in this picture, so nothing was decided.")
            )
        _take_back(decision)
        if decision.identity_id in (numbers_of(to.pk) if to else [None]):
            raise Invalid("as_decided", gettext("That is what was decided."))
        done = Correction(decision=decision, identity=to, by_id=by_id)
        done.taken = attendance.take_from(decision.pk)
        done.save()
        if to is not None:
            attendance.give_to(to.pk, done.taken, decision_id=decision.pk)
        if to is not None and decision.identity is not None and decision.outcome == Decision.Outcome.MATCH:
            add_lookalikes(decision.identity, to, by_id=by_id, source=Lookalikes.Source.CORRECTION)
    log.info("event corrected", extra={"decision": decision.pk})
    return done


def take_back_correction(decision: Decision) -> None:
    """What was decided counts again. Look-alikes stay: that two people are confused is known all the same.

    Raises Conflict when there is nothing to take back.
    """
    with transaction.atomic():
        _lock_whom_it_concerns(decision)
        decision = Decision.objects.select_for_update(no_key=True, of=("self",)).get(pk=decision.pk)
        if not _take_back(decision):
            raise Conflict("not_corrected", gettext("This event is as it was decided."))


def _lock_whom_it_concerns(decision: Decision, to: Identity | None = None) -> None:
    """Who was decided, or stands for them by now, whose the attendance is, and who it is to have been."""
    decided = [decision.identity_id] if decision.identity_id is not None else []
    numbers = {*decided, *(person.pk for person in stand_for(decided))}
    numbers.update(Attendance.objects.filter(decision=decision.pk).values_list("identity", flat=True))
    if to is not None:
        numbers.add(to.pk)
    there = lock_people(*numbers)
    if to is not None and to.pk not in there:
        raise NotFound("unknown_person", gettext("This person was erased meanwhile."))


def _take_back(decision: Decision) -> bool:
    done = Correction.objects.filter(decision=decision).first()
    if done is None:
        return False
    attendance.take_from(decision.pk)
    if decision.identity_id is not None:
        for person in stand_for([decision.identity_id]):  # who was decided may have been merged since
            attendance.give_to(person.pk, done.taken, decision_id=decision.pk)
    done.delete()
    return True
