"""The image door under thousands of damaged files of every format that is accepted.

IMAGE_FUZZ_FILES=500000 make test ARGS=tests/engine/test_mutated_images.py      # for longer than usual
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from recognition.engine.images import FORMATS
from recognition.engine.types import REASONS
from tests.engine.mutated_images import mutated, whole_files

FILES = int(os.environ.get("IMAGE_FUZZ_FILES", "20000"))
REFUSALS = {"unreadable", "too_large", "animated", "empty"}
MOST_MEMORY = 200 * 2**20  # beside what the process takes anyway; 20,000 files took 44 MB


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the door made of the files, in a process that may crash, hang, or eat memory instead of this one."""
    mark = tmp_path_factory.mktemp("fuzz") / "number"
    command = [sys.executable, "-m", "tests.engine.mutated_images", str(FILES), "--mark", str(mark)]
    done = subprocess.run(
        command,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60 + FILES / 20,
    )
    assert done.returncode == 0, (
        f"ended with {done.returncode} at file {mark.read_text()}: {done.stderr[-2000:]}"
    )
    return json.loads(done.stdout)


def test_the_files_are_of_every_format_and_sound_before_they_are_damaged(found):
    assert {name.split()[0] for name in found["sound"]} >= set(FORMATS)
    assert set(found["sound"].values()) == {"a picture"}


def test_only_ordinary_refusals(found):
    wrong = {
        (name, what): times
        for name, outcomes in found["seen"].items()
        for what, times in outcomes.items()
        if what not in REFUSALS | {"a picture"}
    }
    assert wrong == {}
    assert REASONS.keys() >= REFUSALS
    assert sum(times for outcomes in found["seen"].values() for times in outcomes.values()) == FILES


def test_the_damage_reaches_the_decoders(found):
    """Of each kind some are still pictures and many are not: neither is everything refused at once, nor nothing hit."""
    for name, outcomes in found["seen"].items():
        assert outcomes["a picture"] > FILES // 30 // 100, name
        assert outcomes["unreadable"] > FILES // 30 // 10, name


def test_memory_is_bounded(found):
    assert found["memory"] < MOST_MEMORY


def test_a_file_can_be_seen_again_by_its_number():
    assert [mutated(n, whole_files(), 7) for n in (3, 900)] == [
        mutated(n, whole_files(), 7) for n in (3, 900)
    ]
    assert mutated(3, whole_files(), 7) != mutated(3, whole_files(), 8)
