"""Where photos of imports lie in the clear, and what becomes of it when a process is killed."""

from __future__ import annotations

import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from recognition.services.enrolment import import_folders
from recognition.services.retention import carry_out

OWNER = f"""
import runpy, sys
with runpy.run_path({import_folders.__file__!r})["open_folder"]() as folder:
    (folder / "ann.jpg").write_bytes(b"a face")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(monkeypatch: Any, tmp_path: Path) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def left_behind(place: Path) -> Path:
    """By a process that was killed."""
    with _owner(place) as owner:
        folder = _folder_of(owner)
        import_folders.remove_abandoned()
        assert (folder / "ann.jpg").exists()  # its owner lives
        owner.kill()
    return folder


def _owner(place: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OWNER],
        env={"TMPDIR": str(place)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _folder_of(owner: subprocess.Popen[str]) -> Path:
    assert owner.stdout is not None
    return Path(owner.stdout.readline().strip())


def test_it_is_private_and_goes(place: Path) -> None:
    with import_folders.open_folder() as folder:
        assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent)] == [0o700, 0o700]
        assert folder.parent.parent == place
        (folder / "ann.jpg").touch()
    assert not folder.exists()


def test_one_import_leaves_the_other_alone() -> None:
    with import_folders.open_folder() as one, import_folders.open_folder() as other:
        assert import_folders.remove_abandoned() == 0
        assert one.exists()
        assert other.exists()


def test_the_next_import_removes_what_was_left_behind(left_behind: Path) -> None:
    assert left_behind.exists()
    with import_folders.open_folder() as folder:
        assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.django_db
def test_the_hourly_task_removes_what_was_left_behind(left_behind: Path) -> None:
    carry_out()
    assert not left_behind.exists()


def test_a_place_of_somebody_else_is_not_used(place: Path) -> None:
    base = import_folders._base()
    (place / "elsewhere").mkdir(mode=0o700)
    base.symlink_to(place / "elsewhere")
    (place / "elsewhere" / "kept").mkdir()
    assert import_folders.remove_abandoned() == 0
    with pytest.raises(PermissionError), import_folders.open_folder():
        pass
    base.unlink()
    base.mkdir()
    base.chmod(0o755)
    with pytest.raises(PermissionError), import_folders.open_folder():
        pass
    assert (place / "elsewhere" / "kept").exists()
