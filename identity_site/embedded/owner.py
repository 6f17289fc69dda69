"""The account that runs the embedded servers: ourselves, or for root a plain system account.

PostgreSQL refuses to run as root. So root runs both servers as the owner of the data, or as a system
account made for it.
"""

from __future__ import annotations

import logging
import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

ACCOUNT = "identity-db"


@dataclass(frozen=True)
class Owner:
    uid: int
    gid: int

    @property
    def is_self(self) -> bool:
        return self.uid == os.geteuid()

    def popen_options(self) -> dict[str, Any]:
        """Keyword arguments for subprocess that run a program as this account."""
        return {} if self.is_self else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        if not self.is_self:
            os.chown(path, self.uid, self.gid)

    def open_the_way(self, path: Path) -> None:
        """Let the account pass through the folders above `path`, without letting it list them."""
        if self.is_self:
            return
        for folder in path.parents:
            mode = folder.stat()
            if mode.st_mode & stat.S_IXOTH or mode.st_uid == self.uid:
                continue
            logger.warning("Letting the database's account pass through %s (chmod o+x).", folder)
            folder.chmod(stat.S_IMODE(mode.st_mode) | stat.S_IXOTH)

    def open_program(self, folder: Path) -> None:
        """Let the account read and run an installed program, whatever the umask of the installation was."""
        if self.is_self:
            return
        self.open_the_way(folder / "x")
        for path in [folder, *folder.rglob("*")]:
            mode = stat.S_IMODE(path.lstat().st_mode)
            wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
            if wanted != mode and not path.is_symlink():
                path.chmod(wanted)


def find_owner(*folders: Path) -> Owner:
    """Ourselves; for root whoever owns the first of these folders that is an account's, else a system account."""
    if os.geteuid() != 0:
        return Owner(os.geteuid(), os.getegid())
    for path in folders:
        if path.exists() and path.stat().st_uid != 0 and _has_name(path.stat().st_uid):
            found = path.stat()
            return Owner(found.st_uid, found.st_gid)
    account = _system_account()
    return Owner(account.pw_uid, account.pw_gid)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _system_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        pass
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    try:
        # Where another process was faster, this fails and the account is there.
        made = subprocess.run(
            [*command, "--shell", "/usr/sbin/nologin", ACCOUNT], capture_output=True, text=True, timeout=30
        )
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        reason: object = made.stderr.strip()
    except (OSError, subprocess.SubprocessError) as error:
        reason = error
    logger.warning("Running the database as 'nobody': the account %s cannot be made (%s).", ACCOUNT, reason)
    return pwd.getpwnam("nobody")
