"""Decisions that a site keeps for a time only, with their kept pictures."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from recognition.models import Appearance, Decision, ProbePicture
from recognition.services.recognition.pictures import remove_pictures
from recognition.services.recognition.strangers import remove_appearances

BATCH = 2000  # decisions of one transaction


def decisions_before(limit: datetime) -> QuerySet[Decision]:
    return Decision.objects.filter(created_at__lt=limit)


def unknown_before(limit: datetime) -> QuerySet[Decision]:
    """Decisions about whoever was not recognised, older than that."""
    return decisions_before(limit).filter(identity=None).exclude(outcome=Decision.Outcome.MATCH)


def drop_decisions(rows: QuerySet[Decision]) -> int:
    """Remove these decisions; returns how many. A picture goes with the last decision that speaks of it: without one
    nobody could tell any more whom it shows."""
    count = 0
    while True:
        with transaction.atomic():
            found = list(rows.order_by("pk").values_list("pk", "probe")[:BATCH])
            if not found:
                return count
            numbers = [pk for pk, _ in found]
            remove_appearances(Appearance.objects.filter(decision__in=numbers))
            Decision.objects.filter(pk__in=numbers).delete()
            spoken_of = Decision.objects.filter(probe=OuterRef("probe"))
            pictures = ProbePicture.objects.filter(probe__in={probe for _, probe in found})
            remove_pictures(pictures.filter(~Exists(spoken_of)))
            count += len(found)
