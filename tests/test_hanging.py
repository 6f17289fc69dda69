"""A test that hangs ends the run, which names it, also where two processes share the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

TESTS = '''
import time
import pytest

@pytest.fixture(autouse=True)
def empty_cache():
    """The cache belongs to the tests that run meanwhile."""

@pytest.mark.parametrize("number", range(20))
def test_number(number):
    time.sleep(600 if number == 3 else 0)
'''


@pytest.mark.faults
def test_the_run_ends_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "test_them.py").write_text(TESTS)
    options = ["--numprocesses=2", "--dist=worksteal", "-o", "faulthandler_timeout=3", "-p", "tests.conftest"]
    options += ["-c", "pyproject.toml", "--rootdir", str(tmp_path), "--basetemp", str(tmp_path / "base")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path / "test_them.py")],
        cwd=settings.BASE_DIR,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 1, done.stdout
    assert "hung and was ended, in test_them.py::test_number[3]" in done.stdout
    assert "in test_number" in done.stderr
