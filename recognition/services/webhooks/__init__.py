"""Other systems are told of events as they happen: an outbox that Postgres fills, signed messages, tries again.

At least once, in no certain order. May import events and the shared modules.
"""

from __future__ import annotations

from recognition.services.webhooks.addresses import check_address
from recognition.services.webhooks.delivering import deliver_due, try_again
from recognition.services.webhooks.hooks import add_webhook, new_secret, save_webhook, send_test
from recognition.services.webhooks.waking import expect, wake

__all__ = [
    "add_webhook",
    "check_address",
    "deliver_due",
    "expect",
    "new_secret",
    "save_webhook",
    "send_test",
    "try_again",
    "wake",
]
