"""The Celery application. Tasks only wrap services; see `recognition.tasks`."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from billiard.process import current_process
from celery import Celery, Task, signals
from redis.exceptions import RedisError

from .lifetime import end_with_parent

logger = logging.getLogger(__name__)

BEAT_LOOK_SECONDS = 2.0
SWEEP = "recognition.sweep_photos"  # once a minute; shows that the timetable is kept
SWEPT = "celery:swept"  # in the cache: when it was done last

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "identity_site.settings")


class NotedTask(Task):  # type: ignore[misc]
    """What a task changes is noted as done by it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from recognition.services import audit

        with audit.noting(audit.Actor(who=self.name, way="task")):
            return super().__call__(*args, **kwargs)


app = Celery("identity_site", task_cls=NotedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.celeryd_init.connect
@signals.beat_init.connect
def hold_servers(**_: Any) -> None:
    """A worker started by hand uses the embedded servers like every other process."""
    from identity_site import embedded

    embedded.hold()


@signals.celeryd_init.connect
def watch_processes(**_: Any) -> None:
    """Beat and the pool's processes never outlive the worker, not even one that was killed.

    A worker that stops while it starts beat does not reach it either: the signal finds the handlers of the worker
    that beat was forked from.
    """
    worker = os.getpid()

    def end_with_worker(**_: Any) -> None:
        end_with_parent(worker)

    for began in (signals.beat_embedded_init, signals.worker_process_init):
        began.connect(end_with_worker, weak=False, dispatch_uid="end_with_worker")


@signals.celeryd_init.connect
@signals.worker_process_init.connect
def keep_little_memory(**_: Any) -> None:
    """Pictures take much for a moment."""
    from recognition.engine import heap

    heap.keep_little()


@signals.celeryd_init.connect
def count_together(**_: Any) -> None:
    """The worker and the processes of its pool count in one folder."""
    from django.conf import settings

    from identity_site import metrics_folder
    from recognition.services import metrics

    folder = metrics_folder.open_for(settings.METRICS_DIR, "worker")
    if folder is None:
        return
    metrics.share(folder, _place)

    def reserve(**_: Any) -> None:
        metrics.reserve(folder, _place())

    def release(**_: Any) -> None:
        metrics_folder.release(folder)

    signals.worker_process_init.connect(reserve, weak=False, dispatch_uid="reserve_metrics")
    signals.worker_shutdown.connect(release, weak=False, dispatch_uid="release_metrics")


def _place() -> str:
    """Of this process in the worker's pool; one that takes the place of another gets its number."""
    index = getattr(current_process(), "index", None)
    return "worker" if index is None else f"worker{index}"


@signals.task_prerun.connect
def note_begin(task: Task, **_: Any) -> None:
    task.request.began = time.monotonic()


@signals.task_postrun.connect
def note_end(task: Task, state: str | None = None, **_: Any) -> None:
    from django.core.cache import cache

    from recognition.services import metrics

    metrics.TASKS.labels(task.name, (state or "unknown").lower()).inc()
    if task.name == SWEEP:
        with suppress(RedisError):
            cache.set(SWEPT, time.time(), None)
    began = getattr(task.request, "began", None)
    if began is not None:
        metrics.TASK_SECONDS.labels(task.name).observe(time.monotonic() - began)


@signals.before_task_publish.connect
def note_sending(headers: dict[str, Any], **_: Any) -> None:
    """For how long the oldest message waits can be read from the queue then."""
    headers["sent_at"] = time.time()


@signals.worker_ready.connect
def end_without_timetable(sender: Any, **_: Any) -> None:
    """Celery does not miss its beat process: one that was killed would leave what got lost lying, unnoticed. A worker
    that ends is started again, with its beat."""
    beat = getattr(sender.controller, "beat", None)
    if beat is None:
        return

    def watch() -> None:
        while beat.is_alive():
            time.sleep(BEAT_LOOK_SECONDS)
        logger.error("beat has ended; the worker ends, too, and has to be started again")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


@signals.import_modules.connect
def make_schedule_folder(**_: Any) -> None:
    """Beat opens its file before anything else could have made the folder."""
    Path(app.conf.beat_schedule_filename).parent.mkdir(parents=True, exist_ok=True)


@signals.setup_logging.connect
def keep_logging(**_: Any) -> None:
    """Leave logging as Django's settings made it."""


@app.task(name="site.clear_sessions")
def clear_sessions() -> None:
    from django.core.management import call_command

    call_command("clearsessions")
