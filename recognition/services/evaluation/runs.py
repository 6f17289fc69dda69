"""Asking for an evaluation of the enrolled people. The work is done by a worker, see `site_evaluation`."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from recognition.models import Evaluation, ThresholdPolicy
from recognition.services import queue
from recognition.services.errors import Conflict
from recognition.services.thresholds import active_policy

KEPT = 20
# A run that was not heard of for so long has lost its worker.
LOST_AFTER = timedelta(minutes=30)
State = Evaluation.State


def request_evaluation(*, user_id: int | None = None) -> Evaluation:
    """Start measuring the enrolled people in the background. Raises Conflict while another run is under way."""
    with transaction.atomic():
        policy = active_policy()
        # Two who ask at once wait for each other at the policy's row.
        ThresholdPolicy.objects.select_for_update(no_key=True).get(pk=policy.pk)
        _close_lost()
        if Evaluation.objects.filter(state__in=[State.WAITING, State.RUNNING]).exists():
            raise Conflict("busy", "An evaluation is under way. Wait until it is done.")
        old = Evaluation.objects.order_by("-id").values_list("pk", flat=True)[KEPT - 1 :]
        Evaluation.objects.filter(pk__in=list(old)).delete()
        run = Evaluation.objects.create(
            created_by_id=user_id, policy=policy, model_version_id=policy.model_version_id
        )
        queue.enqueue(queue.EVALUATE, run.pk)
    return run


def sweep_evaluations(older_than: timedelta = timedelta(minutes=1)) -> int:
    """Enqueue runs again that still wait: the queue was down when they were asked for. Close those that were lost."""
    _close_lost()
    waiting = Evaluation.objects.filter(state=State.WAITING, created_at__lt=timezone.now() - older_than)
    for pk in (found := list(waiting.values_list("pk", flat=True))):
        queue.enqueue_again(queue.EVALUATE, pk)
    return len(found)


def _close_lost() -> None:
    """Not begun again by itself: what killed the worker once, such as too little memory, would do it again."""
    Evaluation.objects.filter(state=State.RUNNING, updated_at__lt=timezone.now() - LOST_AFTER).update(
        state=State.FAILED, message="The worker was lost. Ask again.", updated_at=timezone.now()
    )
