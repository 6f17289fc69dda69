"""The web server: few processes with threads, because a request waits more than it computes.

Used by `manage.py up` and in production: ``gunicorn -c identity_site/gunicorn.conf.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from identity_site import env, memory_folder, metrics_folder

wsgi_app = "identity_site.wsgi"
chdir = str(env.BASE_DIR)
bind = env.text("BIND", f"127.0.0.1:{env.integer('PORT', 8000, minimum=0, maximum=65_535)}")
worker_class = "identity_site.web_worker.EvenWorker"
workers = env.web_workers()
threads = env.integer("WEB_THREADS", 24, minimum=1)
# The models and the index are loaded by each worker for itself: native thread pools do not survive a fork.
preload_app = False
timeout = env.integer("WEB_TIMEOUT", 60, minimum=1)
graceful_timeout = 10
keepalive = 5
accesslog = "-" if env.boolean("ACCESS_LOG", False) else None
loglevel = env.choice("LOG_LEVEL", "WARNING", ["DEBUG", "INFO", "WARNING", "ERROR"]).lower()
# Nobody steers the server at run time, and the socket would lie in the home folder.
control_socket_disable = True

_metrics: Path | None = None


def on_starting(server: Any) -> None:
    global _metrics
    base = env.path("METRICS_DIR", memory_folder.default(env.data_dir(), "metrics"))
    _metrics = metrics_folder.open_for(base, "web")


def pre_fork(server: Any, worker: Any) -> None:
    """A worker that takes the place of another goes on with its files."""
    taken = {other.place for other in server.WORKERS.values() if other is not worker}
    worker.place = next(place for place in range(len(taken) + 1) if place not in taken)


def post_fork(server: Any, worker: Any) -> None:
    from recognition.engine import heap
    from recognition.services import metrics

    heap.keep_little()
    if _metrics:
        metrics.share(_metrics, lambda: f"web{worker.place}")


def on_exit(server: Any) -> None:
    if _metrics:
        metrics_folder.release(_metrics)
