"""Long work that somebody asked for and a worker does: rows that wait, run, and are done or failed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from recognition.models import Calibration, Evaluation, Import, Job
from recognition.services import queue
from recognition.services.clock import not_recent
from recognition.services.errors import Conflict, ServiceError

log = logging.getLogger(__name__)

KEPT = 20
# A job that was not heard of for so long has lost its worker.
LOST_AFTER = timedelta(minutes=30)
TASKS: dict[type[Job], str] = {
    Evaluation: queue.EVALUATE,
    Calibration: queue.CALIBRATE,
    Import: queue.IMPORT,
}
State = Job.State
J = TypeVar("J", bound=Job)


def ask(kind: type[J], **values: Any) -> J:
    """A row that waits for a worker. Raises Conflict while another one is under way.

    Called in a transaction that holds something of which there is one, so that two who ask at once wait for each other.
    """
    jobs = kind._default_manager
    _close_lost(kind)
    if jobs.filter(state__in=[State.WAITING, State.RUNNING]).exists():
        raise Conflict(
            "busy",
            gettext("Another %(job)s is under way. Wait until it is done.")
            % {"job": kind._meta.verbose_name},
        )
    old = jobs.order_by("-id").values_list("pk", flat=True)[KEPT - 1 :]
    jobs.filter(pk__in=list(old)).delete()
    job = jobs.create(**values)
    queue.enqueue(TASKS[kind], job.pk)
    return job


def work(kind: type[J], pk: int, do: Callable[[J, Callable[[float], None]], dict[str, Any]]) -> None:
    """Do a job that waits. One that was begun, is done or gone is passed over, so it may be handed out twice.

    do: gets the row and a function to tell how far it is, 0 to 1, and answers what the row holds afterwards. What a
    service refuses is the row's message.
    """
    waiting = kind._default_manager.filter(pk=pk, state=State.WAITING)
    if not waiting.update(state=State.RUNNING, progress=0, updated_at=timezone.now()):
        return
    job = kind._default_manager.get(pk=pk)
    try:
        found = do(job, _reporter(job))
    except ServiceError as error:
        _update(job, state=State.FAILED, message=str(error)[:1000])
    except Exception:
        _update(
            job, state=State.FAILED, message=gettext_noop("Something went wrong; the worker's log says what.")
        )
        raise
    else:
        _update(job, state=State.DONE, progress=100, message="", **found)


def sweep_jobs(older_than: timedelta = timedelta(minutes=1)) -> int:
    """Enqueue jobs again that still wait: the queue was down when they were asked for. Close those that were lost."""
    found = 0
    for kind, task in TASKS.items():
        _close_lost(kind)
        waiting = kind._default_manager.filter(not_recent("created_at", older_than), state=State.WAITING)
        for pk in waiting.values_list("pk", flat=True):
            queue.enqueue_again(task, pk)
            found += 1
    return found


def said(message: str) -> str:
    """Why a job failed, in the language of whoever reads it where it is one of the sentences of this module."""
    return gettext(message) if message else ""


def _close_lost(kind: type[Job]) -> None:
    """Not begun again by itself: what killed the worker once, such as too little memory, would do it again."""
    lost = kind._default_manager.filter(not_recent("updated_at", LOST_AFTER), state=State.RUNNING)
    lost.update(
        state=State.FAILED, message=gettext_noop("The worker was lost. Ask again."), updated_at=timezone.now()
    )


def _reporter(job: Job) -> Callable[[float], None]:
    """A progress function that writes to the database at most once a second."""
    last = time.monotonic()

    def report(share: float) -> None:
        nonlocal last
        if time.monotonic() - last >= 1:
            last = time.monotonic()
            _update(job, progress=min(99, round(100 * share)))

    return report


def _update(job: Job, **values: object) -> None:
    type(job)._default_manager.filter(pk=job.pk).update(**values, updated_at=timezone.now())
