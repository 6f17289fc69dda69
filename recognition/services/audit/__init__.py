"""Who did what, when and from where: an append-only log with a hash chain.

Changes of people, photos, policies, models, keys, consent and accounts are noted by triggers of Postgres, whatever made
them; sign-ins, looks at pictures, exports and refusals by who lets them happen. May import the shared modules only.
"""

from __future__ import annotations

from recognition.services.audit.context import Actor, acting_as, noting
from recognition.services.audit.export import export_entries
from recognition.services.audit.records import record
from recognition.services.audit.verification import Head, verify

__all__ = ["Actor", "Head", "acting_as", "export_entries", "noting", "record", "verify"]
