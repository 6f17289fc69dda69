"""A folder in memory for what must never be written to a disk in the clear."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - whose folder it is, is looked at before it is used


def default(data_dir: Path, purpose: str = "gallery") -> Path:
    """The folder of this site and user in memory; one of the data folder where there is no such place."""
    if not os.access(MEMORY, os.W_OK | os.X_OK):
        return data_dir / purpose
    name = hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
    return MEMORY / f"identity-{os.geteuid()}-{name}{'' if purpose == 'gallery' else f'-{purpose}'}"
