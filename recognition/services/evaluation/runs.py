"""Measuring how well the enrolled people can be told apart: asked for by staff, done by a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from django.db import transaction

from recognition.models import Evaluation, ThresholdPolicy
from recognition.services import jobs
from recognition.services.evaluation import figures
from recognition.services.evaluation.report import svg_pictures
from recognition.services.gallery import enrolled_vectors
from recognition.services.thresholds import active_policy


def request_evaluation(*, user_id: int | None = None) -> Evaluation:
    """Start measuring the enrolled people in the background. Raises Conflict while another run is under way."""
    with transaction.atomic():
        policy = active_policy()
        ThresholdPolicy.objects.select_for_update(no_key=True).get(pk=policy.pk)
        return jobs.ask(
            Evaluation, created_by_id=user_id, policy=policy, model_version_id=policy.model_version_id
        )


def run_evaluation(evaluation_id: int) -> None:
    """Do a run that waits, from the stored vectors."""
    jobs.work(Evaluation, evaluation_id, _measure)


def _measure(run: Evaluation, progress: Callable[[float], None]) -> dict[str, Any]:
    policy = active_policy()
    version = policy.model_version
    owners, vectors = enrolled_vectors(version)
    in_force = figures.InForce(policy.verify_threshold, policy.identify_threshold)
    found = figures.figures_of(owners, vectors, in_force=in_force, progress=progress)
    return {
        "model_version": version,
        "policy": policy,
        "people": len(np.unique(owners)),
        "photos": len(owners),
        "figures": found,
        "pictures": svg_pictures({"variant": "site", "variants": {"site": found}}),
    }
