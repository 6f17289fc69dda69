"""What staff do with unknown visitors besides naming them: dismissed, joined, a face taken out."""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils.translation import gettext

from recognition.models import Appearance, Visitor
from recognition.services import audit
from recognition.services.errors import Invalid, NotFound
from recognition.services.recognition import remove_appearances
from recognition.services.visitors.gathering import trim

log = logging.getLogger(__name__)


def dismiss(visitor: Visitor) -> None:
    """Remove the visitor with all faces and vectors; the events stay as they were decided. Who comes again is a new
    visitor: nothing is left to know them by."""
    remove_appearances(Appearance.objects.filter(visitor=visitor))
    Visitor.objects.filter(pk=visitor.pk).delete()


def merge_visitors(*, into: Visitor, other: Visitor) -> Visitor:
    """The two are one person: all appearances are `into`'s, of whom the best faces stay. Raises Invalid, NotFound."""
    if into.pk == other.pk:
        raise Invalid("same_visitor", gettext("Choose two different visitors."))
    with transaction.atomic():
        rows = Visitor.objects.select_for_update().filter(pk__in=[into.pk, other.pk]).order_by("pk")
        found = {row.pk: row for row in rows}
        if len(found) != 2:
            raise NotFound("unknown_visitor", gettext("One of the two is gone meanwhile."))
        Appearance.objects.filter(visitor=other.pk).update(visitor=into.pk)
        found[other.pk].delete()
        trim(found[into.pk])
        audit.record("visitor.merged", kind="visitor", number=into.pk, other=other.pk)
    return found[into.pk]


def take_out(appearance: Appearance) -> None:
    """It is somebody else: the visitor goes on without this face and event."""
    remove_appearances(Appearance.objects.filter(pk=appearance.pk))
