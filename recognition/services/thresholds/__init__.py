"""Which score is enough: threshold policies, their changes and growth, calibration from measured scores,
replay of past decisions.

A policy belongs to a model version and is chosen by the error it allows. May import `gallery` and what that
may.
"""

from __future__ import annotations

from recognition.services.thresholds.calibration import (
    MARGIN_COST,
    Proposal,
    Wish,
    from_enrolled,
    from_photos,
)
from recognition.services.thresholds.changes import (
    activate,
    enrolled_people,
    follow_growth,
    growth,
    in_words,
    other_detector,
    roll_back,
    store_policy,
    threshold_among,
    warnings,
)
from recognition.services.thresholds.jobs import request_calibration, run_calibration
from recognition.services.thresholds.policies import active_policy, fitting_threshold, judge, policy_of
from recognition.services.thresholds.replays import replay
from recognition.services.thresholds.scores import GENUINE_LIMIT, check_usable
from recognition.services.thresholds.shipped import ship

__all__ = [
    "GENUINE_LIMIT",
    "MARGIN_COST",
    "Proposal",
    "Wish",
    "activate",
    "active_policy",
    "check_usable",
    "enrolled_people",
    "fitting_threshold",
    "follow_growth",
    "from_enrolled",
    "from_photos",
    "growth",
    "in_words",
    "judge",
    "other_detector",
    "policy_of",
    "replay",
    "request_calibration",
    "roll_back",
    "run_calibration",
    "ship",
    "store_policy",
    "threshold_among",
    "warnings",
]
