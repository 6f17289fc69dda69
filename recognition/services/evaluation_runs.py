"""Asking for an evaluation of the enrolled people. The work is done by a worker, see `site_evaluation`."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from recognition.models import Evaluation, ThresholdPolicy
from recognition.services import queue
from recognition.services.errors import Conflict
from recognition.services.policies import active_policy

KEPT = 20
# A run that was not heard of for so long has lost its worker.
LOST_AFTER = timedelta(minutes=30)


def request_evaluation(*, user_id: int | None = None) -> Evaluation:
    """Start measuring the enrolled people in the background. Raises Conflict while another run is under way."""
    with transaction.atomic():
        policy = active_policy()
        # Two who ask at once wait for each other at the policy's row.
        ThresholdPolicy.objects.select_for_update().get(pk=policy.pk)
        unfinished = Evaluation.objects.filter(state__in=[Evaluation.State.WAITING, Evaluation.State.RUNNING])
        unfinished.filter(updated_at__lt=timezone.now() - LOST_AFTER).update(
            state=Evaluation.State.FAILED, message="The worker was lost. Ask again."
        )
        if unfinished.exists():
            raise Conflict("busy", "An evaluation is under way. Wait until it is done.")
        old = Evaluation.objects.order_by("-id").values_list("pk", flat=True)[KEPT - 1 :]
        Evaluation.objects.filter(pk__in=list(old)).delete()
        run = Evaluation.objects.create(
            created_by_id=user_id, policy=policy, model_version_id=policy.model_version_id
        )
        queue.enqueue(queue.EVALUATE, run.pk)
    return run
