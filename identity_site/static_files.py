"""Collecting the static files, only when some of them changed: compressing all takes seconds at each start."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect() -> bool:
    """Whether there was anything to do."""
    root = Path(settings.STATIC_ROOT)
    mark = root / ".collected"
    state = _state()
    if mark.is_file() and mark.read_text() == state and (root / "staticfiles.json").is_file():
        return False
    mark.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0, clear=root.is_dir())
    mark.write_text(state)
    return True


def _state() -> str:
    """A digest over name, size and time of every file, and what is done with them."""
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            found = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0".encode())
    return digest.hexdigest()
