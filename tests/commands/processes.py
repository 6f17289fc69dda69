"""Commands as they are started from a shell, on the database of the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

START = """
import sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = {database!r}
django.setup()
if {fake!r}:
    from recognition.services.analysis import analyzer
    from tests.accounts.conftest import FakeAnalyzer
    analyzer._analyzer = FakeAnalyzer()
"""
COMMAND = """
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one line on stdout as JSON."""
        (line,) = self.out.splitlines()
        return json.loads(line)

    @property
    def error(self) -> Any:
        (line,) = self.err.splitlines()
        return json.loads(line)["error"]


def start(
    *arguments: object, fake: bool = True, code: str = COMMAND, **environment: str
) -> subprocess.Popen[str]:
    """A command with these arguments, or other code that finds them in ``sys.argv``."""
    before = START.format(database=connection.settings_dict["NAME"], fake=fake)
    return subprocess.Popen(
        [sys.executable, "-c", before + code, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "LOG_LEVEL": "ERROR", **environment},
    )


def run(*arguments: object, fake: bool = True, code: str = COMMAND, **environment: str) -> Ended:
    return wait_for(start(*arguments, fake=fake, code=code, **environment))


def wait_for(process: subprocess.Popen[str]) -> Ended:
    try:
        out, err = process.communicate(timeout=180)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Ended(process.returncode, out, err)
