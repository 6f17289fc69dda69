"""What the commands that read pictures share."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import CommandError

from recognition.engine.images import MAX_BYTES


def read_picture(path: Path) -> bytes:
    """The bytes of the file. Raises CommandError when it cannot be read or is too large for any picture."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CommandError(f"{path} is larger than {MAX_BYTES // 2**20} MB.")
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
