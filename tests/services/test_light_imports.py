"""What measures or trains is not loaded by what serves: scikit-learn and matplotlib would cost each web process 100 MB,
TensorFlow a gigabyte."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = "sklearn matplotlib scipy tensorflow keras"
SERVES = "import identity_site.urls, recognition.tasks"
# A photo is looked at by the real networks; nothing is enrolled.
LOOKS = """
import numpy as np
from recognition.services.analysis import get_analyzer
from recognition.services.enrolment.examination import examine
from django.conf import settings
assert settings.INFERENCE == "cpu"
examine(np.full((200, 200, 3), 90, np.uint8))
get_analyzer().embed([np.zeros((112, 112, 3), np.uint8)])
"""


def loads_nothing_heavy(*code: str, **environment: str) -> None:
    """Fails when a new process that runs the code has loaded one of the packages."""
    check = f"found = set('{HEAVY}'.split()) & set(sys.modules); print(*found); sys.exit(bool(found))"
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(["import sys", *code, check])],
        capture_output=True,
        text=True,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "identity_site.settings"} | environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


def test_web_and_tasks_load_neither_scikit_learn_nor_matplotlib():
    loads_nothing_heavy("import django; django.setup()", SERVES)


@pytest.mark.models
def test_a_cpu_worker_looks_at_photos_without_tensorflow():
    loads_nothing_heavy("import identity_site.celery, django; django.setup()", SERVES, LOOKS)


@pytest.mark.models
@pytest.mark.parametrize("entry", ["wsgi", "asgi"])
def test_a_web_process_stays_on_the_cpu_whatever_the_workers_are_told(entry):
    """Web server and workers often share one file of settings."""
    loads_nothing_heavy(f"import identity_site.{entry}", SERVES, LOOKS, INFERENCE="gpu")
