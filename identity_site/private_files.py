"""What the site writes holds faces, vectors and keys: only its owner may read it, whatever the umask of its start."""

from __future__ import annotations

import os
import stat
from pathlib import Path

OTHERS = 0o077


def keep() -> None:
    """From now on this process and those that it starts make files for their owner only."""
    os.umask(OTHERS)


def close(data: Path) -> None:
    """Close to others what an earlier version left open in the data folder; what another account owns stays.

    A closed folder hides all that is in it. ``embedded`` lets the servers' account through, so in it only files count.
    """
    for path in [*data.glob("*"), *data.glob("embedded/*")]:
        found = path.lstat()
        is_way = path == data / "embedded"
        if (
            found.st_uid == os.geteuid()
            and found.st_mode & OTHERS
            and not stat.S_ISLNK(found.st_mode)
            and not is_way
        ):
            path.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
