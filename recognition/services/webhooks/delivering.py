"""Sending what is due, and again what failed: soon, then seldom, for three days."""

from __future__ import annotations

import json
import logging
import random
import time
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from recognition.models import Delivery, Webhook
from recognition.services import events, queue
from recognition.services.clock import before
from recognition.services.errors import Conflict
from recognition.services.webhooks.broker import Account
from recognition.services.webhooks.sending import Answer, send

log = logging.getLogger(__name__)

DELIVERY_LOCK = 7_261_004
SLICE_SECONDS = 30.0  # other tasks want the worker, too
LEASE = timedelta(seconds=60)  # a worker that is killed while it sends leaves the message to another one
WAITS = [
    5,
    30,
    120,
    600,
    3600,
    3 * 3600,
    6 * 3600,
    12 * 3600,
]  # seconds after each failure; the last one repeats
LONGEST = timedelta(days=3)
KEPT = timedelta(days=7)
GONE = 410


def deliver_due() -> int:
    """Send what is due, one worker at a time; returns how many messages were taken. Also drops old ones."""
    taken = 0
    until = time.monotonic() + SLICE_SECONDS
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [DELIVERY_LOCK])
        if not cursor.fetchone()[0]:
            return 0
    try:
        failed: set[int] = set()
        while time.monotonic() < until:
            delivery = _claim(failed)
            if delivery is None:
                break
            taken += 1
            if not _deliver(delivery):
                failed.add(delivery.webhook_id)  # its other messages wait; those of others do not
        Delivery.objects.filter(before("created_at", timezone.now() - KEPT), next_at=None).delete()
        events.forget_old()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [DELIVERY_LOCK])
    if time.monotonic() >= until:
        queue.enqueue_again(queue.DELIVER)
    return taken


def try_again(delivery: Delivery) -> None:
    """Now, whatever happened before. Raises Conflict for one that was delivered."""
    if not Delivery.objects.filter(pk=delivery.pk, delivered_at=None).update(next_at=timezone.now()):
        raise Conflict("delivered", gettext("This was delivered."))
    queue.enqueue(queue.DELIVER)


def _claim(failed: set[int]) -> Delivery | None:
    with transaction.atomic():
        due = Delivery.objects.select_for_update(skip_locked=True, of=("self",)).select_related("webhook")
        wanted = Q(webhook__active=True) | Q(type=Webhook.Type.TEST)
        now = timezone.now()
        # What would be tried later than anything ever is, was put off by a clock that was put right since.
        time_has_come = Q(next_at__lte=now) | Q(next_at__gt=now + timedelta(seconds=2 * WAITS[-1]))
        row = due.filter(wanted, time_has_come).exclude(webhook__in=failed).order_by("next_at").first()
        if row is not None:
            row.attempts += 1
            row.next_at = timezone.now() + LEASE
            row.save(update_fields=["attempts", "next_at"])
        return row


def _deliver(delivery: Delivery) -> bool:
    hook = delivery.webhook
    message = _message(delivery)
    if message is None:
        _note(delivery, Answer(None, "what it would tell of is gone", 0), next_at=None)
        return True
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    account = Account(hook.username, str(hook.password))
    answer = send(hook.url, str(hook.secret), str(delivery.pk), body, type=delivery.type, account=account)
    if not answer.error:
        delivery.delivered_at = timezone.now()
        _note(delivery, answer, next_at=None)
        if hook.failing_since is not None:
            Webhook.objects.filter(pk=hook.pk).update(failing_since=None)
        return True
    log.warning("a webhook could not be told", extra={"webhook": hook.pk, "error": answer.error})
    _note(delivery, answer, next_at=_next_try(delivery))
    _note_failure(hook, answer)
    return False


def _next_try(delivery: Delivery) -> datetime | None:
    """None when it is given up."""
    now = timezone.now()
    if delivery.type == Webhook.Type.TEST or now - delivery.created_at > LONGEST:
        return None
    wait = WAITS[min(delivery.attempts, len(WAITS)) - 1]
    return now + timedelta(seconds=wait * random.uniform(0.8, 1.2))


def _note(delivery: Delivery, answer: Answer, *, next_at: datetime | None) -> None:
    delivery.next_at, delivery.error = next_at, answer.error
    delivery.status, delivery.milliseconds = answer.status, answer.milliseconds
    delivery.save(update_fields=["next_at", "error", "status", "milliseconds", "delivered_at"])


def _note_failure(hook: Webhook, answer: Answer) -> None:
    """One that has failed for three days, or says that it is gone, is turned off."""
    now = timezone.now()
    since = hook.failing_since or now
    off = answer.status == GONE or now - since > LONGEST
    Webhook.objects.filter(pk=hook.pk).update(failing_since=since, active=hook.active and not off)
    if off:
        log.error("webhook turned off: %s", answer.error, extra={"webhook": hook.pk})


def _message(delivery: Delivery) -> dict[str, Any] | None:
    """None when the record is gone."""
    if delivery.type == Webhook.Type.TEST:
        return {"type": delivery.type, "timestamp": delivery.created_at.isoformat(), "data": {}}
    with_names = delivery.webhook.with_names
    return events.message_of(delivery.type, delivery.subject or 0, delivery.created_at, with_names=with_names)
