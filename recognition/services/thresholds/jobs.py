"""Calibration asked for by staff and done by a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.db import transaction

from recognition.models import Calibration, ThresholdPolicy
from recognition.services import jobs
from recognition.services.thresholds.calibration import Wish, from_enrolled
from recognition.services.thresholds.changes import store_policy
from recognition.services.thresholds.policies import active_policy


def request_calibration(wish: Wish, *, user_id: int | None = None) -> Calibration:
    """Start choosing thresholds in the background. Raises Conflict while another one is under way."""
    with transaction.atomic():
        ThresholdPolicy.objects.select_for_update(no_key=True).get(pk=active_policy().pk)
        return jobs.ask(Calibration, created_by_id=user_id, wish=asdict(wish))


def run_calibration(calibration_id: int) -> None:
    """Do one that waits; its policy is stored and not put in force."""
    jobs.work(Calibration, calibration_id, _calibrate)


def name_later(person: int) -> str:
    """In the place of a name, which must not outlive the person: staff are shown the present one."""
    return f"{{person:{person}}}"


def _calibrate(run: Calibration, progress: Callable[[float], None]) -> dict[str, Any]:
    proposal = from_enrolled(Wish(**run.wish), name_of=name_later, progress=progress)
    return {"policy": store_policy(proposal.as_dict(), user_id=run.created_by_id)}
