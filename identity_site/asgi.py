"""The entry point for ASGI servers."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from identity_site import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "identity_site.settings")
# A request brings one face, for which the CPU is fast enough; TensorFlow would cost each web process a gigabyte.
os.environ.pop("INFERENCE_FILE", None)
os.environ["INFERENCE"] = "cpu"
embedded.hold()
application = get_asgi_application()
