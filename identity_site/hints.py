"""How to write a command in advice, so that it can be copied."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path


def manage(arguments: str) -> str:
    """``.venv/bin/python manage.py ARGUMENTS``, with this interpreter's shortest name."""
    python = os.path.relpath(sys.executable)
    if python.startswith(".."):
        python = sys.executable
    script = Path(sys.argv[0]) if Path(sys.argv[0]).name == "manage.py" else Path("manage.py")
    return f"{shlex.quote(python)} {shlex.quote(str(script))} {arguments}"
