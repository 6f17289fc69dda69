"""Policy, gallery and detector that a probe is decided by, from one small query."""

from __future__ import annotations

from django.db import connection
from django.utils.translation import gettext

from recognition.models import ThresholdPolicy
from recognition.services import webhooks
from recognition.services.analysis import follow_choice, see_with
from recognition.services.errors import Conflict
from recognition.services.gallery import AnyGallery, Mark, live_gallery
from recognition.services.thresholds import active_policy

# xmin is another one after every change of the row, so a kept policy is never an outdated one.
STATE = """
    SELECT p.id, p.xmin::text, v.id, v.xmin::text, c.id, c.created_at,
        EXISTS (SELECT FROM recognition_webhook WHERE active), d.id, d.detector
    FROM recognition_thresholdpolicy p
    JOIN recognition_modelversion v ON v.id = p.model_version_id
    LEFT JOIN LATERAL (
        SELECT id, created_at FROM recognition_gallerychange ORDER BY id DESC LIMIT 1
    ) c ON true
    LEFT JOIN LATERAL (
        SELECT id, detector FROM recognition_detectorchoice ORDER BY id DESC LIMIT 1
    ) d ON true
    WHERE p.active AND v.active
"""
ATTEMPTS = 3

_kept: tuple[tuple[object, ...], ThresholdPolicy] | None = None


def in_force() -> tuple[ThresholdPolicy, AnyGallery]:
    """Policy and gallery of the same model, also while another model is being activated.

    Raises Conflict when they do not come together.
    """
    for _ in range(ATTEMPTS):
        policy, mark = _state()
        gallery = live_gallery.current(mark)
        if gallery.model == policy.model_version.name:
            return policy, gallery
        live_gallery.forget()
    raise Conflict("busy", gettext("The model in use is being changed. Try again in a moment."))


def policy_in_force() -> ThresholdPolicy:
    return _state()[0]


def _state() -> tuple[ThresholdPolicy, Mark | None]:
    """The policy, read only when it is another one than last time, and the place where the log ends. From here on this
    process finds faces by the detector that is chosen."""
    global _kept
    with connection.cursor() as cursor:
        cursor.execute(STATE)
        row = cursor.fetchone()
    if row is None:  # a new site
        follow_choice()
        return active_policy(), None
    key, (number, at, told, *detector) = row[:4], row[4:]
    webhooks.expect(told)
    see_with(*detector)
    kept = _kept
    if kept is None or kept[0] != key:
        kept = _kept = key, active_policy()
    return kept[1], Mark(number or 0, at)
