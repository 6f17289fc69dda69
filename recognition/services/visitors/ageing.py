"""Strangers are kept for a short time only, and not at all any more where the site says so."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from recognition.models import Appearance
from recognition.services.clock import before
from recognition.services.recognition import remove_appearances

BATCH = 500  # appearances of one transaction


def appearances_before(limit: datetime) -> QuerySet[Appearance]:
    return Appearance.objects.filter(before("at", limit))


def drop_appearances(limit: datetime) -> int:
    """Remove those from before with their faces, and visitors who were not seen since; returns how many."""
    count = 0
    while numbers := list(appearances_before(limit).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        count += remove_appearances(Appearance.objects.filter(pk__in=numbers))
    return count
