"""What happened, for others: the log that Postgres keeps, read without missing an event, and what is told of one.

May import the shared modules only.
"""

from __future__ import annotations

from recognition.services.events.log import TYPES, Follower, forget_old, last_number
from recognition.services.events.messages import message_of

__all__ = ["TYPES", "Follower", "forget_old", "last_number", "message_of"]
