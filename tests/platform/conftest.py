"""Servers of their own for these tests, in folders that are thrown away."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.platform.processes import User, processes_of


@pytest.fixture
def empty_dir() -> Iterator[Path]:
    """A new data folder, directly under /tmp so that its path is short."""
    yield from _folder()


@pytest.fixture(scope="session")
def used_dir() -> Iterator[Path]:
    """A data folder whose servers ran once."""
    for folder in _folder():
        one = User(folder)
        assert one.answer() == "held"
        one.leave()
        yield folder


@pytest.fixture
def data_dir(empty_dir: Path, used_dir: Path) -> Path:
    """A data folder of the test's own whose database was made before, which saves a second."""
    subprocess.run(["cp", "-a", str(used_dir / "embedded"), str(empty_dir)], check=True)
    return empty_dir


def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="identity-platform-", dir="/tmp"))
    yield folder
    for process in processes_of(folder):
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)


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
