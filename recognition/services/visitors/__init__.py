"""Unknown visitors: strangers who are seen again and again, until staff say who they are. Off unless the site wants it.

Faces are put to visitors behind the answer, by one worker at a time. May import `enrolment` and what that may.
"""

from __future__ import annotations

from recognition.services.visitors.ageing import appearances_before, drop_appearances
from recognition.services.visitors.changes import dismiss, merge_visitors, take_out
from recognition.services.visitors.gathering import MOST_APPEARANCES, gather
from recognition.services.visitors.naming import Agreed, enrol_visitor, visitor_was
from recognition.services.visitors.reads import resemblance, with_times

__all__ = [
    "MOST_APPEARANCES",
    "Agreed",
    "appearances_before",
    "dismiss",
    "drop_appearances",
    "enrol_visitor",
    "gather",
    "merge_visitors",
    "resemblance",
    "take_out",
    "visitor_was",
    "with_times",
]
