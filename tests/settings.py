"""The site's own settings on servers of their own, with what makes tests fast.

Without IDENTITY_DATA_DIR the servers live in a folder that is thrown away at the end.
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

from identity_site import embedded
from identity_site.settings import *  # noqa: F403

embedded.hold()

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Nothing is collected for tests; files are served from where they lie.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}  # noqa: F405
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
