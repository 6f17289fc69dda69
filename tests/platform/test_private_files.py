"""Only the owner reads what the site writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from identity_site import private_files
from identity_site.env import BASE_DIR
from tests.platform.processes import environment


def test_every_process_writes_for_its_owner_only(data_dir: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import os, identity_site; print(oct(os.umask(0)))"],
        cwd=BASE_DIR,
        env=environment(data_dir),
        umask=0,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said == "0o77\n"


def test_what_an_earlier_version_left_open_is_closed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("of somebody else")
    outside.chmod(0o644)
    data = tmp_path / "data"
    for name in ("gallery", "embedded/postgres"):
        (data / name).mkdir(parents=True)
        (data / name).chmod(0o755)
    (data / "embedded").chmod(0o711)
    (data / "embedded" / "redis.log").touch(0o644)
    (data / "gallery" / "people").touch(0o644)
    (data / "link").symlink_to(outside)
    private_files.close(data)
    modes = {str(path.relative_to(data)): path.stat().st_mode & 0o777 for path in data.rglob("*")}
    assert modes["gallery"] == modes["embedded/postgres"] == 0o700
    assert modes["embedded/redis.log"] == 0o600
    assert modes["embedded"] == 0o711
    assert os.stat(outside).st_mode & 0o777 == 0o644
