"""Servers of their own for these tests, in folders that are thrown away."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.platform.processes import User, processes_of


@contextmanager
def new_folder() -> Iterator[Path]:
    """Directly under /tmp so that its path is short. What still runs in it at the end is killed."""
    folder = Path(tempfile.mkdtemp(prefix="identity-platform-", dir="/tmp"))
    try:
        yield folder
    finally:
        for process in processes_of(folder):
            process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def copy(used: Path, folder: Path) -> None:
    subprocess.run(["cp", "-a", str(used / "embedded"), str(folder)], check=True)


@pytest.fixture
def empty_dir() -> Iterator[Path]:
    """A new data folder."""
    with new_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def used_dir() -> Iterator[Path]:
    """A data folder whose servers ran once."""
    with new_folder() as folder:
        one = User(folder)
        assert one.answer() == "held"
        one.leave()
        yield folder


@pytest.fixture
def data_dir(empty_dir: Path, used_dir: Path) -> Path:
    """A data folder of the test's own whose database was made before, which saves a second."""
    copy(used_dir, empty_dir)
    return empty_dir


@pytest.fixture(scope="module")
def module_dir(used_dir: Path) -> Iterator[Path]:
    """One like `data_dir` for several tests."""
    with new_folder() as folder:
        copy(used_dir, folder)
        yield folder


@pytest.fixture
def user(empty_dir: Path) -> Iterator[Callable[..., User]]:
    """Makes users of the servers of the test's data folder, or of one below it."""
    made: list[User] = []

    def make(folder: Path | None = None) -> User:
        made.append(User(folder or empty_dir))
        return made[-1]

    yield make
    for one in made:
        if one.process.poll() is None:
            one.kill()
        for stream in (one.process.stdin, one.process.stdout):
            if stream:
                stream.close()
