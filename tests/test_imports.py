"""Imports go one way: engine <- services <- tasks, api, admin, kiosk, accounts. And what serves stays light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
UPPER = (
    "recognition.tasks",
    "recognition.api",
    "recognition.admin",
    "recognition.cameras",
    "recognition.kiosk",
    "recognition.views",
    "accounts",
)
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


def offences(
    folder: str, forbidden: tuple[str, ...], allowed: tuple[str, ...] = (), *, fewest: int = 4
) -> list[str]:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert len(files) >= fewest
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


def test_the_client_knows_nothing_of_the_site():
    assert offences("clients/python/src", (*FRAMEWORKS, *SITE, "recognition", "identity_site", "tests")) == []


def test_training_knows_the_engine_alone():
    assert (
        offences("recognition/training", (*FRAMEWORKS, *SITE, "identity_site", "recognition.services")) == []
    )


def test_services_know_nothing_above_them():
    assert offences("recognition/services", (*UPPER, "identity_site", "rest_framework", "allauth")) == []


# Later ones may use earlier ones. What is named last stands apart: it uses all, and nothing below uses it.
SHARED = (
    "errors",
    "wording",
    "queue",
    "jobs",
    "files",
    "keys",
    "data_keys",
    "tables",
    "site_secrets",
    "metrics",
    "turns",
    "clock",
)
PACKAGES = (
    "audit",
    "events",
    "webhooks",
    "analysis",
    "gallery",
    "thresholds",
    "recognition",
    "liveness",
    "attendance",
    "cameras",
    "identities",
    "enrolment",
    "visitors",
    "evaluation",
    "models",
    "retention",
)
SERVICES = ROOT / "recognition/services"


def test_the_services_are_these_packages_and_shared_modules():
    there = {path.stem for path in SERVICES.glob("[!_]*") if path.suffix in ("", ".py")}
    assert there == {*SHARED, *PACKAGES, "overview"}


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_of_services_import_earlier_ones_only(package):
    later = PACKAGES[PACKAGES.index(package) + 1 :]
    forbidden = tuple(f"recognition.services.{name}" for name in (*later, "overview"))
    assert offences(f"recognition/services/{package}", forbidden, fewest=3) == []


def test_shared_services_import_no_package():
    names = [(module, name) for module in SHARED for _, name in imported(SERVICES / f"{module}.py")]
    forbidden = tuple(f"recognition.services.{name}" for name in (*PACKAGES, "overview"))
    assert [(module, name) for module, name in names if _within(name, forbidden)] == []


def doors(package: str) -> set[str]:
    """The names that a package of services offers."""
    tree = ast.parse((SERVICES / package / "__init__.py").read_text(encoding="utf-8"))
    (names,) = (
        node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    )
    return set(ast.literal_eval(names))


@pytest.mark.parametrize("package", PACKAGES)
def test_from_outside_a_package_only_its_doors_are_used(package):
    prefix = f"recognition.services.{package}."
    outside = [
        (file.relative_to(ROOT), line, name.removeprefix(prefix))
        for folder in ("recognition", "accounts", "identity_site", "bench")
        for file in sorted((ROOT / folder).rglob("*.py"))
        if not file.is_relative_to(SERVICES / package)
        for line, name in imported(file)
        if name.startswith(prefix)
    ]
    assert [use for use in outside if use[2] not in doors(package)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_it_is_for_and_offers_no_door_that_nobody_uses(package):
    source = (SERVICES / package / "__init__.py").read_text(encoding="utf-8")
    assert "May import" in (ast.get_docstring(ast.parse(source)) or "")
    code = "\n".join(
        file.read_text(encoding="utf-8")
        for folder in ("recognition", "accounts", "identity_site", "bench")
        for file in (ROOT / folder).rglob("*.py")
        if not file.is_relative_to(SERVICES / package)
    )
    assert {name for name in doors(package) if not re.search(rf"\b{name}\b", code)} == set()


def test_the_embedded_servers_import_one_another_one_way():
    """Also under TYPE_CHECKING."""
    folder = ROOT / "identity_site/embedded"
    uses = {
        file.stem: {
            name.split(".")[2] for _, name in imported(file) if name.startswith("identity_site.embedded.")
        }
        for file in folder.glob("*.py")
    }
    assert uses["places"] == {"owner", "running"}
    while free := [module for module, used in uses.items() if not used & uses.keys()]:
        for module in free:
            del uses[module]
    assert uses == {}


def test_accounts_see_services_and_the_types_of_the_engine():
    allowed = ("recognition.services", "recognition.engine.types", "recognition.models")
    assert offences("accounts", ("recognition",), allowed) == []


def test_tasks_call_services_only():
    names = [name for _, name in imported(ROOT / "recognition/tasks.py")]
    assert [
        name for name in names if not _within(name, ("celery", "recognition.services", "__future__"))
    ] == []


@pytest.mark.parametrize(
    "folder", ["recognition/api", "recognition/admin", "recognition/cameras", "recognition/kiosk", "accounts"]
)
def test_no_numbers_are_crunched_in_views(folder):
    assert offences(folder, ("numpy", "cv2", "faiss", "recognition.engine.gallery"), fewest=3) == []


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
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in sorted((ROOT / folder).rglob("*.py"))
        if file.stem != "__init__" and not set(but) & set(file.parts)
    ]
    return "\n".join(f"import {name}" for name in names)


def test_importing_the_engine_leaves_django_out():
    assert not loaded(_import_all("recognition/engine", but=("networks",))) & {
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
