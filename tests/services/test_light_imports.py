"""What measures is not loaded by what serves: scikit-learn and matplotlib would cost each web process 100 MB."""

from __future__ import annotations

import os
import subprocess
import sys

HEAVY = "sklearn matplotlib scipy tensorflow"


def test_web_and_tasks_load_neither_scikit_learn_nor_matplotlib():
    code = (
        "import sys, django; django.setup(); import identity_site.urls, recognition.tasks;"
        f"found = set('{HEAVY}'.split()) & set(sys.modules); print(*found); sys.exit(bool(found))"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "identity_site.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
