"""People: made, changed, suspended, merged, erased, exported; their consent, and who resembles whom.

Each change is one transaction together with its entry in the gallery's log. May import `recognition` and
what that may.
"""

from __future__ import annotations

from recognition.services.identities.consents import (
    LINK_DAYS,
    consent_of,
    consent_required,
    consent_text,
    consent_token,
    demand_consent,
    erase_on,
    erase_withdrawn,
    give_consent,
    identity_of_token,
    publish_consent_text,
    when_erased,
    withdraw_consent,
)
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
    "LINK_DAYS",
    "Neighbour",
    "consent_of",
    "consent_required",
    "consent_text",
    "consent_token",
    "create_identity",
    "demand_consent",
    "erase",
    "erase_on",
    "erase_withdrawn",
    "export_people",
    "get_identity",
    "give_consent",
    "identity_of_token",
    "in_gallery",
    "merge",
    "neighbours",
    "publish_consent_text",
    "refuse_what_is_no_text",
    "resume",
    "suspend",
    "update_identity",
    "when_erased",
    "withdraw_consent",
]
