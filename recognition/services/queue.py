"""Handing work to the Celery workers. Tasks are named here, not imported: `recognition.tasks` imports services."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

PROCESS_PHOTOS = "recognition.process_photos"
REBUILD_INDEX = "recognition.rebuild_index"
EVALUATE = "recognition.evaluate"
CALIBRATE = "recognition.calibrate"
IMPORT = "recognition.import_people"
ADVANCE_MODEL_CHANGE = "recognition.reembed"
DELIVER = "recognition.deliver"
GATHER_VISITORS = "recognition.gather_visitors"
COMPARE_MODELS = "recognition.compare_models"
PAUSE_SECONDS = 10.0
AGAIN_LASTS = 600.0  # seconds; longer than photos usually wait for their turn

_unreachable_until = 0.0


def enqueue(task: str, *args: Any) -> None:
    """Send the task when the transaction in progress has been committed, at once when there is none.

    A broker that is down loses nothing: photos and jobs keep the state "waiting" in Postgres and the beat tasks
    ``recognition.sweep_photos`` and ``recognition.sweep_jobs`` send them again.
    """
    transaction.on_commit(partial(_send, task, args))


def enqueue_again(task: str, *args: Any) -> None:
    """As `enqueue`, for what a sweep sends every minute: dropped when no worker takes it for a while.

    Else the messages of a night without workers would stand before the next day's work.
    """
    transaction.on_commit(partial(_send, task, args, expires=AGAIN_LASTS))


def _send(task: str, args: tuple[Any, ...], **options: Any) -> None:
    """Finding out that the broker is down takes seconds, so that after it nothing is tried for a while."""
    global _unreachable_until
    if time.monotonic() < _unreachable_until:
        return
    try:
        current_app.send_task(task, args=args, retry=False, **options)
    except OperationalError:
        _unreachable_until = time.monotonic() + PAUSE_SECONDS
        log.warning("the queue is unreachable; what is to be done now will be found by the sweep")
