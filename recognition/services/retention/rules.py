"""The rules of retention, one for each kind of data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from recognition.models import Identity
from recognition.services import attendance, enrolment, identities, recognition, visitors


@dataclass(frozen=True, slots=True)
class Rule:
    """How long one kind of data is kept.

    after: what becomes of it then. setting: the variable that says for how many days. days: None for as long as the
    person or the site. older: those from before a time. remove: removes these and says how many.
    """

    kind: str
    title: str
    after: str
    setting: str
    days: int | None
    older: Callable[[datetime], QuerySet[Any]]
    remove: Callable[[datetime], int]

    def count(self) -> int:
        """How many there are."""
        return self.older(timezone.now()).count()

    def count_due(self) -> int:
        """How many are older than they may be."""
        limit = self.limit()
        return 0 if limit is None else self.older(limit).count()

    def limit(self) -> datetime | None:
        """What is from before goes; None where everything stays."""
        return None if self.days is None else timezone.now() - timedelta(days=self.days)


def rules() -> list[Rule]:
    """As the settings say at present. Erasing people comes first: what is theirs need not be looked at."""
    return [
        Rule(
            "withdrawn",
            gettext("People who withdrew their consent"),
            gettext("erased, with everything that is kept about them"),
            "ERASE_WITHDRAWN_DAYS",
            settings.ERASE_WITHDRAWN_DAYS,
            lambda limit: Identity.objects.filter(withdrawn_at__lte=limit),
            lambda limit: identities.erase_withdrawn(),
        ),
        Rule(
            "photos",
            gettext("Enrolment photos in use"),
            gettext("the picture goes; crop and vector stay, and the person is recognised all the same"),
            "KEEP_PHOTOS_DAYS",
            settings.KEEP_PHOTOS_DAYS or None,
            enrolment.originals_before,
            enrolment.drop_originals,
        ),
        Rule(
            "crops",
            gettext("Crops of faces in use"),
            gettext(
                "the crop goes, the vector stays; without picture and crop, another model needs new photos"
            ),
            "KEEP_CROPS_DAYS",
            settings.KEEP_CROPS_DAYS or None,
            enrolment.crops_before,
            enrolment.drop_crops,
        ),
        Rule(
            "rejected",
            gettext("Enrolment photos that were rejected"),
            gettext("removed whole"),
            "KEEP_REJECTED_DAYS",
            settings.KEEP_REJECTED_DAYS or None,
            enrolment.rejected_before,
            enrolment.drop_rejected,
        ),
        Rule(
            "probes",
            gettext("Pictures shown for recognition"),
            gettext("removed"),
            "KEEP_PROBES_DAYS",
            settings.KEEP_PROBES_DAYS,
            recognition.probe_pictures_before,
            lambda limit: recognition.purge_probe_pictures(),
        ),
        Rule(
            "visitors",
            gettext("Appearances of unknown visitors"),
            gettext("removed, with their faces and vectors, and whoever was not seen since"),
            "KEEP_VISITORS_DAYS",
            settings.KEEP_VISITORS_DAYS,
            visitors.appearances_before,
            visitors.drop_appearances,
        ),
        Rule(
            "unknown",
            gettext("Decisions about whoever was not recognised"),
            gettext("removed, with their pictures"),
            "KEEP_UNKNOWN_DAYS",
            settings.KEEP_UNKNOWN_DAYS or None,
            recognition.unknown_before,
            lambda limit: recognition.drop_decisions(recognition.unknown_before(limit)),
        ),
        Rule(
            "decisions",
            gettext("Decisions, all of them"),
            gettext("removed, with their pictures; sign-ins on the account page, too"),
            "KEEP_DECISIONS_DAYS",
            settings.KEEP_DECISIONS_DAYS or None,
            recognition.decisions_before,
            lambda limit: recognition.drop_decisions(recognition.decisions_before(limit)),
        ),
        Rule(
            "imports",
            gettext("Imports over the API"),
            gettext(
                "what was handed in and the list of what became of it are removed; people and photos stay"
            ),
            "KEEP_IMPORTS_DAYS",
            settings.KEEP_IMPORTS_DAYS,
            enrolment.imports_before,
            enrolment.drop_imports,
        ),
        Rule(
            "attendance",
            gettext("Attendance: who came and went"),
            gettext("removed"),
            "KEEP_ATTENDANCE_DAYS",
            settings.KEEP_ATTENDANCE_DAYS or None,
            attendance.attendance_before,
            lambda limit: attendance.drop_attendance(attendance.attendance_before(limit)),
        ),
    ]
