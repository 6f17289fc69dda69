"""The web server: few processes with threads, because a request waits more than it computes.

Used by `manage.py up` and in production: ``gunicorn -c identity_site/gunicorn.conf.py``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from identity_site import env

wsgi_app = "identity_site.wsgi"
chdir = str(env.BASE_DIR)
bind = env.text("BIND", f"127.0.0.1:{env.integer('PORT', 8000, minimum=0, maximum=65_535)}")
worker_class = "gthread"
workers = env.integer("WEB_WORKERS", min(2, os.cpu_count() or 1), minimum=1)
threads = env.integer("WEB_THREADS", 8, minimum=1)
# The models and the index are loaded by each worker for itself: native thread pools do not survive a fork.
preload_app = False
timeout = env.integer("WEB_TIMEOUT", 60, minimum=1)
graceful_timeout = 10
keepalive = 5
accesslog = "-" if env.boolean("ACCESS_LOG", False) else None
loglevel = env.choice("LOG_LEVEL", "WARNING", ["DEBUG", "INFO", "WARNING", "ERROR"]).lower()
# Nobody steers the server at run time, and the socket would lie in the home folder.
control_socket_disable = True
