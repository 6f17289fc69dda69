"""Webhooks themselves: added, changed, tried out."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from recognition.models import Delivery, Webhook
from recognition.services import events, queue
from recognition.services.errors import Invalid
from recognition.services.webhooks.addresses import check_address
from recognition.services.webhooks.sending import MARK


def add_webhook(
    *, name: str, url: str, types: Sequence[str], with_names: bool = False
) -> tuple[Webhook, str]:
    """A new one and its secret, which is shown once. Raises Invalid."""
    hook = Webhook(name=name.strip(), url=url.strip(), types=list(types), with_names=with_names)
    secret = new_secret(hook)
    save_webhook(hook)
    return hook, secret


def save_webhook(hook: Webhook) -> None:
    """Raises Invalid for an address that is never sent to, and for types that do not exist."""
    check_address(hook.url)
    if not hook.types or not set(hook.types) <= set(events.TYPES):
        raise Invalid("bad_types", f"Choose among {', '.join(events.TYPES)}.")
    if hook.active:
        hook.failing_since = None
    hook.save()


def new_secret(hook: Webhook) -> str:
    """Give it another secret; it counts as soon as the webhook is saved."""
    hook.secret = MARK + base64.b64encode(secrets.token_bytes(32)).decode()
    return str(hook.secret)


def send_test(hook: Webhook) -> Delivery:
    """Hand a message without content to a worker, also for a webhook that is off."""
    now = timezone.now()
    with transaction.atomic():
        delivery = Delivery.objects.create(webhook=hook, type=Webhook.Type.TEST, created_at=now, next_at=now)
        queue.enqueue(queue.DELIVER)
    return delivery
