"""Where the embedded servers keep their files and sockets."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path
from urllib.parse import quote

from .owner import Owner, find_owner
from .running import EmbeddedError

# A Unix socket's path has at most 107 bytes, and PostgreSQL puts a lock file with a longer name beside it.
_LONGEST_FOLDER = 107 - len("/.s.PGSQL.5432.lock")
_PLAIN = re.compile(r"[A-Za-z0-9/._-]+")


class Places:
    """Paths and addresses that follow from the data folder."""

    def __init__(self, data: Path) -> None:
        self.data = Path(os.path.abspath(data))
        self.root = self.data / "embedded"
        self.start_lock = self.root / "start.lock"
        self.users_lock = self.root / "users.lock"
        self.keeper_lock = self.root / "keeper.lock"
        self.postgres = self.root / "postgres"
        self.postgres_log = self.root / "postgres.log"
        self.redis = self.root / "redis"
        self.redis_log = self.root / "redis.log"
        self.sockets = self._socket_folder()
        self.redis_socket = self.sockets / "redis.sock"

    @property
    def database_url(self) -> str:
        return f"postgresql://postgres@:5432/identity?host={quote(str(self.sockets))}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.redis_socket}?db=0"

    def owner(self) -> Owner:
        """The account that runs the servers."""
        return find_owner(self.postgres, self.redis, self.data)

    def prepare(self, owner: Owner) -> None:
        """Make the folders. The data folder is closed to everybody but the servers' account."""
        closed = 0o700 if owner.is_self else 0o711
        try:
            for folder in (self.data, self.root):
                if not folder.is_dir():
                    folder.mkdir(mode=closed, parents=True, exist_ok=True)  # others may start at this moment
                elif folder.stat().st_uid == os.geteuid() and stat.S_IMODE(folder.stat().st_mode) != closed:
                    folder.chmod(closed)
            owner.open_the_way(self.root / "postgres")
            self._make_socket_folder(owner)
        except PermissionError as error:
            raise EmbeddedError(
                f"{self.data} cannot be used ({error}). It may belong to another user: "
                "run this as that user, or set IDENTITY_DATA_DIR to a folder of your own."
            ) from error
        except OSError as error:  # a file stands there, a read-only or full disk
            raise EmbeddedError(
                f"{self.data} cannot be used ({error}). Set IDENTITY_DATA_DIR to a folder that can be written."
            ) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise EmbeddedError(
                f"{self.root} belongs to another user. Run this as that user, "
                "or set IDENTITY_DATA_DIR to a folder of your own."
            )

    def _socket_folder(self) -> Path:
        folder = self.root / "run"
        if len(os.fsencode(folder)) <= _LONGEST_FOLDER and _PLAIN.fullmatch(str(folder)):
            return folder
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        # Not tempfile.gettempdir(): every process has to find the same one.
        return Path("/tmp") / f"identity-{digest}"  # noqa: S108  checked when it is made

    def _make_socket_folder(self, owner: Owner) -> None:
        if not os.path.lexists(self.sockets):
            # Made beside and moved into place: others that start at this moment must not see one that is not private.
            made = Path(tempfile.mkdtemp(prefix="identity-run-", dir=self.sockets.parent))
            owner.give(made)
            try:
                made.rename(self.sockets)
            except OSError:  # somebody was faster
                made.rmdir()
        # In /tmp anybody could have made it first.
        found = self.sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner.uid or found.st_mode & 0o077:
            raise EmbeddedError(
                f"{self.sockets} is needed for sockets, but is not a private folder of the user "
                f"with number {owner.uid}. Remove it, or choose another IDENTITY_DATA_DIR."
            )
