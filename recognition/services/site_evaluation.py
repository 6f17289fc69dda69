"""Measuring how well the enrolled people can be told apart, from their stored vectors. Runs in a worker."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import numpy as np
from django.utils import timezone
from numpy.typing import NDArray

from recognition.engine.types import Floats
from recognition.models import Evaluation, ModelVersion
from recognition.services import figures
from recognition.services.errors import Invalid
from recognition.services.evaluation_report import svg_pictures
from recognition.services.live_gallery import load_vectors
from recognition.services.policies import active_policy

log = logging.getLogger(__name__)

# Every photo is compared with every other; twenty thousand take half a minute on two cores.
MOST_PHOTOS = 20_000


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
    found = figures.figures(owners, vectors, in_force=in_force, progress=_reporter(run))
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


def enrolled_vectors(version: ModelVersion, most: int = MOST_PHOTOS) -> tuple[NDArray[np.int64], Floats]:
    """Owners and vectors of all active people, or of so many people drawn at random that they have ``most`` photos."""
    owners, vectors = load_vectors(version)
    if len(owners) <= most:
        return owners, vectors
    people, counts = np.unique(owners, return_counts=True)
    order = np.random.default_rng(0).permutation(len(people))
    chosen = people[order[np.cumsum(counts[order]) <= most]]
    kept = np.isin(owners, chosen)
    return owners[kept], vectors[kept]


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
