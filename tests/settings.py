"""The site's own settings on real servers, kept apart from a site's data, with what makes tests fast.

Without IDENTITY_DATA_DIR the servers live in a folder that is thrown away at the end. With it, the servers of
that folder are used. Where several processes share the tests (pytest-xdist), all use the servers of the first, and
each has a database, two Redis numbers and a folder for files of its own.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

if not os.environ.get("IDENTITY_DATA_DIR"):
    _folder = tempfile.mkdtemp(prefix="identity-test-")
    os.environ["IDENTITY_DATA_DIR"] = _folder
    # Registered before the servers are started, so that it runs after they were stopped.
    atexit.register(shutil.rmtree, _folder, ignore_errors=True)

from identity_site import broker, embedded
from identity_site.settings import *  # noqa: F403
from identity_site.settings import CACHES, DATA_DIR, REDIS_URL, STORAGES

embedded.hold()

_process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
DATA_DIR = DATA_DIR / "tests" / str(_process)
GALLERY_DIR = DATA_DIR / "gallery"
SITE_KEYS_KEPT_IN = None
# Redis has the numbers 0 to 15: the site's own two (queues, cache), then two for each process of the tests.
REDIS_URL = broker.with_database(REDIS_URL, 2 + 2 * _process)
CELERY_BROKER_URL = broker.broker_url(REDIS_URL)
CACHES = {
    "default": {
        **CACHES["default"],
        "LOCATION": broker.cache_url(REDIS_URL),
        # A busy machine may keep Redis waiting.
        "OPTIONS": {**CACHES["default"]["OPTIONS"], "socket_timeout": 30},
    }
}

# Most tests of signing in show one picture; those of liveness switch it on.
LIVENESS = "off"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Nothing is collected for tests; files are served from where they lie.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
