"""Measuring how well the enrolled people can be told apart, from their stored vectors. Runs in a worker."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import numpy as np
from django.utils import timezone

from recognition.models import Evaluation
from recognition.services.errors import Invalid
from recognition.services.evaluation import figures
from recognition.services.evaluation.report import svg_pictures
from recognition.services.gallery import enrolled_vectors
from recognition.services.thresholds import active_policy

log = logging.getLogger(__name__)


def run_evaluation(evaluation_id: int) -> None:
    """Do a run that waits. One that was begun, is done or gone is passed over, so it may be handed out twice."""
    waiting = Evaluation.objects.filter(pk=evaluation_id, state=Evaluation.State.WAITING)
    if not waiting.update(state=Evaluation.State.RUNNING, progress=0, updated_at=timezone.now()):
        return
    run = Evaluation.objects.get(pk=evaluation_id)
    try:
        _measure(run)
    except Invalid as error:
        _update(run, state=Evaluation.State.FAILED, message=str(error)[:300])
    except Exception:
        _update(
            run, state=Evaluation.State.FAILED, message="Something went wrong; the worker's log says what."
        )
        raise


def _measure(run: Evaluation) -> None:
    policy = active_policy()
    version = policy.model_version
    owners, vectors = enrolled_vectors(version)
    in_force = figures.InForce(policy.verify_threshold, policy.identify_threshold)
    found = figures.figures_of(owners, vectors, in_force=in_force, progress=_reporter(run))
    pictures = svg_pictures({"variant": "site", "variants": {"site": found}})
    _update(
        run,
        state=Evaluation.State.DONE,
        progress=100,
        message="",
        model_version=version,
        policy=policy,
        people=len(np.unique(owners)),
        photos=len(owners),
        figures=found,
        pictures=pictures,
    )


def _reporter(run: Evaluation) -> Callable[[float], None]:
    """A progress function that writes to the database at most once a second."""
    last = time.monotonic()

    def report(share: float) -> None:
        nonlocal last
        if time.monotonic() - last >= 1:
            last = time.monotonic()
            _update(run, progress=min(99, round(100 * share)))

    return report


def _update(run: Evaluation, **values: object) -> None:
    Evaluation.objects.filter(pk=run.pk).update(**values, updated_at=timezone.now())
