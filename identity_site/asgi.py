"""The entry point for ASGI servers."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from identity_site import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "identity_site.settings")
embedded.hold()
application = get_asgi_application()
