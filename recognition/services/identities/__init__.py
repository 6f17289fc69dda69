"""People: made, changed, suspended, merged, erased, exported, and who resembles whom.

Each change is one transaction together with its entry in the gallery's log. May import `recognition` and
what that may.
"""

from __future__ import annotations

from recognition.services.identities.export import COLUMNS, export_people
from recognition.services.identities.lookalikes import Neighbour, in_gallery, neighbours
from recognition.services.identities.people import (
    create_identity,
    erase,
    get_identity,
    merge,
    refuse_what_is_no_text,
    resume,
    suspend,
    update_identity,
)

__all__ = [
    "COLUMNS",
    "Neighbour",
    "create_identity",
    "erase",
    "export_people",
    "get_identity",
    "in_gallery",
    "merge",
    "neighbours",
    "refuse_what_is_no_text",
    "resume",
    "suspend",
    "update_identity",
]
