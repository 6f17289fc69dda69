"""How well the enrolled people can be told apart by the model in use and by the one to come, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.utils.translation import gettext

from recognition.models import ModelChange, ModelVersion
from recognition.services import evaluation
from recognition.services.errors import Invalid
from recognition.services.evaluation import svg_pictures
from recognition.services.gallery import enrolled_vectors
from recognition.services.thresholds import policy_of


def compare(change_id: int) -> None:
    """Measure both models on their stored vectors of the same people and keep it with the change.

    A change that is gone is passed over; with too few people the change says so instead.
    """
    change = ModelChange.objects.select_related("before", "target").filter(pk=change_id).first()
    if change is None:
        return
    versions = {"before": change.before, "after": change.target}
    sets = {side: enrolled_vectors(version) for side, version in versions.items()}
    shared = np.intersect1d(np.unique(sets["before"][0]), np.unique(sets["after"][0]))
    found: dict[str, Any] = {}
    message = ""
    try:
        for side, (owners, vectors) in sets.items():
            kept = np.isin(owners, shared)
            found[side] = evaluation.figures_of(
                owners[kept], vectors[kept], in_force=_in_force(versions[side])
            )
        pictures = svg_pictures({"variant": "after", "variants": found})
    except Invalid as error:
        found, pictures, message = (
            {},
            {},
            (gettext("The two cannot be compared yet: %(error)s") % {"error": error})[:300],
        )
    ModelChange.objects.filter(pk=change.pk).update(figures=found, pictures=pictures, message=message)


def _in_force(version: ModelVersion) -> evaluation.InForce | None:
    policy = policy_of(version)
    return evaluation.InForce(policy.verify_threshold, policy.identify_threshold) if policy else None
