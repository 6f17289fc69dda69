"""People: made, changed, suspended, merged, erased, exported; their consent, and who resembles whom.

Each change is one transaction together with its entry in the gallery's log. May import `recognition` and
what that may.
"""

from __future__ import annotations

from recognition.services.identities.access import open_access_copy, write_access_copy
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
from recognition.services.identities.corrections import correct, take_back_correction
from recognition.services.identities.erasure import erase
from recognition.services.identities.export import COLUMNS, export_people
from recognition.services.identities.lookalike_pairs import add_lookalikes, lookalikes_of, remove_lookalikes
from recognition.services.identities.lookalikes import Neighbour, in_gallery, neighbours
from recognition.services.identities.merging import merge, merges_into, numbers_of, undo_merge
from recognition.services.identities.people import (
    create_identity,
    get_identity,
    lock_people,
    refuse_what_is_no_text,
    resume,
    suspend,
    update_identity,
)
from recognition.services.identities.receipts import Receipt, check_signature, read_receipt
from recognition.services.identities.traces import known_receipts, person_of, traces_of

__all__ = [
    "COLUMNS",
    "LINK_DAYS",
    "Neighbour",
    "Receipt",
    "add_lookalikes",
    "check_signature",
    "consent_of",
    "consent_required",
    "consent_text",
    "consent_token",
    "correct",
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
    "known_receipts",
    "lock_people",
    "lookalikes_of",
    "merge",
    "merges_into",
    "neighbours",
    "numbers_of",
    "open_access_copy",
    "person_of",
    "publish_consent_text",
    "read_receipt",
    "refuse_what_is_no_text",
    "remove_lookalikes",
    "resume",
    "suspend",
    "take_back_correction",
    "traces_of",
    "undo_merge",
    "update_identity",
    "when_erased",
    "withdraw_consent",
    "write_access_copy",
]
