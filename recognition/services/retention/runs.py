"""Carrying out the rules of retention, and noting what was removed."""

from __future__ import annotations

import logging

from django.utils import timezone

from recognition.models import RetentionRun
from recognition.services import enrolment
from recognition.services.retention.rules import rules

log = logging.getLogger(__name__)


def carry_out() -> dict[str, int]:
    """Remove what is older than it may be; returns how many of each kind went, and notes it as a `RetentionRun`.

    One rule that fails keeps no other from being carried out; the error is raised at the end.
    """
    removed: dict[str, int] = {}
    failed: Exception | None = None
    for rule in rules():
        limit = rule.limit()
        if limit is None:
            continue
        try:
            count = rule.remove(limit)
        except Exception as error:
            log.exception("retention of %s failed", rule.kind)
            failed = error
            continue
        if count:
            removed[rule.kind] = count
    enrolment.remove_abandoned_imports()  # files of this host, of which the database knows nothing
    _note(removed)
    if failed is not None:
        raise failed
    return removed


def _note(removed: dict[str, int]) -> None:
    """Runs that removed nothing share one row, or there would be one for every hour."""
    last = RetentionRun.objects.first()
    if last is not None and not last.removed and not removed:
        RetentionRun.objects.filter(pk=last.pk).update(ended_at=timezone.now())
        return
    RetentionRun.objects.create(removed=removed, ended_at=timezone.now())
