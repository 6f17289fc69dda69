"""Imports go one way: engine <- services <- tasks, api, admin, accounts. And what serves stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
UPPER = ("recognition.tasks", "recognition.api", "recognition.admin", "recognition.views", "accounts")
SITE = ("recognition.services", "recognition.models", "recognition.storage", *UPPER)
FRAMEWORKS = ("django", "celery", "rest_framework", "allauth", "unfold")


def imported(file: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that the file imports, also inside of functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1, f"{file}:{node.lineno} imports from above"
            package = ".".join(file.relative_to(ROOT).parent.parts) if node.level else ""
            module = ".".join(filter(None, (package, node.module)))
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def offences(folder: str, forbidden: tuple[str, ...], allowed: tuple[str, ...] = ()) -> list[str]:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert len(files) > 3
    return [
        f"{file.relative_to(ROOT)}:{line} imports {name}"
        for file in files
        for line, name in imported(file)
        if _within(name, forbidden) and not _within(name, allowed)
    ]


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_the_engine_knows_nothing_above_it():
    assert offences("recognition/engine", (*FRAMEWORKS, *SITE, "identity_site")) == []


def test_training_knows_the_engine_alone():
    assert (
        offences("recognition/training", (*FRAMEWORKS, *SITE, "identity_site", "recognition.services")) == []
    )


def test_services_know_nothing_above_them():
    assert offences("recognition/services", (*UPPER, "identity_site", "rest_framework", "allauth")) == []


def test_accounts_see_services_and_the_types_of_the_engine():
    allowed = ("recognition.services", "recognition.engine.types", "recognition.models")
    assert offences("accounts", ("recognition",), allowed) == []


def test_tasks_call_services_only():
    names = [name for _, name in imported(ROOT / "recognition/tasks.py")]
    assert [
        name for name in names if not _within(name, ("celery", "recognition.services", "__future__"))
    ] == []


@pytest.mark.parametrize("folder", ["recognition/api", "recognition/admin", "accounts"])
def test_no_numbers_are_crunched_in_views(folder):
    assert offences(folder, ("numpy", "cv2", "faiss", "recognition.engine.gallery")) == []


def test_the_check_itself_sees_what_is_forbidden():
    assert offences("recognition/services", ("django",)) != []


def loaded(code: str) -> set[str]:
    """Names of the packages that a new process has loaded after running the code."""
    script = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=180
    )
    return set(done.stdout.split())


def _import_all(folder: str, *, but: tuple[str, ...] = ()) -> str:
    names = [
        f"{folder.replace('/', '.')}.{file.stem}"
        for file in sorted((ROOT / folder).glob("*.py"))
        if file.stem not in ("__init__", *but)
    ]
    return "\n".join(f"import {name}" for name in names)


def test_importing_the_engine_leaves_django_out():
    assert not loaded(_import_all("recognition/engine")) & {
        "django",
        "celery",
        "tensorflow",
        "keras",
        "torch",
    }


def test_the_training_code_is_of_no_backend():
    assert offences("recognition/training", ("tensorflow", "torch", "jax")) == []


def test_importing_the_services_leaves_tensorflow_out():
    start = (
        "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'identity_site.settings'\n"
        "import django\ndjango.setup()\n"
    )
    assert not loaded(start + _import_all("recognition/services")) & {"tensorflow", "keras", "torch", "jax"}
