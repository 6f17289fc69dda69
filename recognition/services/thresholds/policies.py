"""The active model version and the active threshold policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from recognition.engine.types import ModelFileError
from recognition.models import ModelVersion, ThresholdPolicy
from recognition.services.analysis import active_model, get_analyzer

FITTING_FMR = 0.01


def active_policy(version: ModelVersion | None = None) -> ThresholdPolicy:
    """The policy in force for the model version (by default the active one), with that version."""
    wanted = {"model_version": version} if version else {"model_version__active": True}
    # Every probe asks for it, and what was measured can be long.
    policies = ThresholdPolicy.objects.select_related("model_version").defer("measurements")
    policy = policies.filter(active=True, **wanted).first()
    return policy or _default_policy(version or active_model())


def policy_of(version: ModelVersion) -> ThresholdPolicy | None:
    """The policy that would be in force with this model; the one that came with it, if none was chosen."""
    shipped: Any = get_analyzer().spec(version.name).settings.get("policy")
    if shipped or version.policies.filter(active=True).exists():
        return active_policy(version)
    return None


def fitting_threshold(policy: ThresholdPolicy) -> float:
    """The score with one's own photos below which a new photo is doubted.

    There one stranger in a hundred would still pass, where that was measured, and hardly any genuine photo fails; else
    it is the 1:1 threshold.
    """
    points = policy.measurements.get("tail", {}).get("points", [])
    allowed = [threshold for rate, threshold in points if rate <= FITTING_FMR]
    return float(min([*allowed, policy.verify_threshold]))


def judge(scores: Sequence[float], policy: ThresholdPolicy) -> str:
    """Why the best of these scores (best first) is no match in 1:N; empty when it is one."""
    if not scores or scores[0] < policy.identify_threshold:
        return "not_recognised"
    if len(scores) > 1 and scores[0] - scores[1] < policy.margin:
        return "ambiguous"
    return ""


def _default_policy(version: ModelVersion) -> ThresholdPolicy:
    shipped: Any = get_analyzer().manifest.spec(version.name).settings.get("policy")
    if not shipped:
        raise ModelFileError(f"The manifest has no threshold policy for {version.name}.")
    values = {
        name: shipped.get(name)
        for name in ("verify_threshold", "identify_threshold", "margin", "fmr", "fpir", "source")
    }
    try:
        with transaction.atomic():
            return ThresholdPolicy.objects.create(
                model_version=version,
                active=True,
                activated_at=timezone.now(),
                measurements=shipped.get("measurements", {}),
                **values,
            )
    except IntegrityError:  # another process was first
        return ThresholdPolicy.objects.get(model_version=version, active=True)
