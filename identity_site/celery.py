"""The Celery application. Tasks only wrap services; see `recognition.tasks`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from celery import Celery, Task, signals

from .lifetime import end_with_parent

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
