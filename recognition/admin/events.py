"""A decision as an event: what happened, where, when, and how sure it was."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from recognition.models import Attendance, Decision
from recognition.services.wording import decimal, describe_lead, describe_likeness, reason_text


def source_of(decision: Decision) -> str:
    """Who asked: a kiosk, a camera, an account, or nobody who is still there."""
    if decision.api_key is not None:
        return decision.api_key.name
    if decision.camera is not None:
        return decision.camera.name
    if decision.user is not None:
        return decision.user.get_username()
    return ""


def place_of(decision: Decision) -> str:
    """Where the kiosk stood then, as far as it was noted; else where kiosk or camera are now."""
    attended = _attended(decision)
    if attended is not None:
        return attended.place
    device = decision.api_key or decision.camera
    return device.place if device is not None else ""


def attendance_of(decision: Decision) -> str:
    """``in`` or ``out`` where it stands for an attendance."""
    attended = _attended(decision)
    return attended.kind if attended is not None else ""


def moment_of(decision: Decision) -> datetime:
    """When the picture was taken, where a kiosk sent it later."""
    attended = _attended(decision)
    return attended.at if attended is not None else decision.created_at


def threshold_of(decision: Decision) -> float | None:
    policy = decision.policy
    if policy is None:
        return None
    return policy.verify_threshold if decision.kind == Decision.Kind.VERIFY else policy.identify_threshold


def likeness_of(decision: Decision) -> str | None:
    """The score against what was needed, in words; why there is none."""
    threshold = threshold_of(decision)
    if decision.score is None:
        return reason_text(decision.reason) if decision.reason else None
    if threshold is None:
        return decimal(decision.score, 2)
    if decision.reason == "ambiguous" and decision.margin is not None and decision.policy is not None:
        return describe_lead(decision.margin, decision.policy.margin)
    return describe_likeness(decision.score, threshold)


def known_of(decision: Decision) -> str:
    """What staff said of it since, in words; empty where it is as it was decided."""
    correction = decision.corrected
    if correction is None:
        return ""
    if correction.identity is None:
        return _("It was nobody who is known") if decision.identity is None else _("It was somebody else")
    return _("It was %(name)s") % {"name": correction.identity.name}


def _attended(decision: Decision) -> Attendance | None:
    """The first that it stands for; a picture shown for a while stands for one."""
    return next(iter(decision.attendances.all()), None)
