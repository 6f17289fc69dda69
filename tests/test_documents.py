"""What the documents name is there: files, links, commands, targets, variables, and the tree that is drawn."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

ROOT = Path(settings.BASE_DIR)
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *(ROOT / folder / "README.md" for folder in ("clients/python", "demo", "models")),
    ]
)
ARCHITECTURE = ROOT / "docs/architecture.md"
CONFIGURATION = ROOT / "docs/configuration.md"

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
MADE_LATER = {"data", ".venv", "bench.json", "load.json", "soak.json"}  # by running the site or its tools
TOP = {path.name for path in ROOT.iterdir()} - MADE_LATER
# A path in a command or a sentence; its first part is something at the top of the repository.
PATH = re.compile(rf"(?<![\w./@-])@?((?:{'|'.join(sorted(map(re.escape, TOP)))})(?:/[\w.+-]+)*/?)(?![\w/*])")

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def code_in(document: Path) -> str:
    return "\n".join(CODE.findall(document.read_text(encoding="utf-8")))


def anchors(document: Path) -> set[str]:
    """How a code host names the headings."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_the_documents_are_these():
    names = {str(path.relative_to(ROOT)) for path in DOCUMENTS}
    assert names >= {
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "PRIVACY.md",
        "SECURITY.md",
        "docs/architecture.md",
        "docs/operations.md",
    }


@each_document
def test_links_lead_somewhere(document):
    lost = []
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+://", link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


@each_document
def test_files_that_are_named_exist(document):
    named = set(PATH.findall(code_in(document)))
    here = document.parent
    assert sorted(name for name in named if not ((ROOT / name).exists() or (here / name).exists())) == []


def test_the_search_for_paths_finds_some():
    named = set(PATH.findall(code_in(ROOT / "README.md")))
    assert {"manage.py", "demo/probes/P001.jpg", "recognition/services", "demo/"} <= named


@each_document
def test_commands_and_targets_exist(document):
    code = code_in(document)
    assert set(re.findall(r"manage\.py ([a-z_]+)", code)) - set(get_commands()) == set()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", code)) - targets == set()


def test_the_readme_is_read_in_five_minutes():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_licence_is_there_and_named():
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()


# --- The tree of docs/architecture.md ------------------------------------------------------------------------


def drawn() -> set[str]:
    """The paths of the tree, folders with a slash at the end."""
    (tree,) = re.findall(r"## The tree\n\n```\n(.*?)```", ARCHITECTURE.read_text(encoding="utf-8"), re.DOTALL)
    parents: list[str] = []
    paths = set()
    for line in tree.splitlines():
        level = (len(line) - len(line.lstrip())) // 4
        parents[level:] = [line.split()[0]]
        paths.add("".join(parents))
    return paths


def there(folder: str) -> set[str]:
    """What the folder holds, without what Python makes."""
    return {
        f"{folder}{path.name}/" if path.is_dir() else f"{folder}{path.name}"
        for path in (ROOT / folder).iterdir()
        if path.name not in ("__init__.py", "__pycache__")
    }


def folders(paths: set[str]) -> set[str]:
    return {path for path in paths if path.endswith("/")}


def below(folder: str) -> set[str]:
    return {path for path in drawn() if re.fullmatch(rf"{re.escape(folder)}[^/]+/?", path)}


def test_what_the_tree_draws_exists():
    assert {path for path in drawn() if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("folder", ["recognition/", "recognition/services/"])
def test_the_tree_draws_all_of(folder):
    assert below(folder) == there(folder)


@pytest.mark.parametrize(
    "folder", [*sorted(folders(there("recognition/")) - {"recognition/services/"}), "identity_site/"]
)
def test_the_tree_draws_the_folders_of(folder):
    assert folders(below(folder)) == folders(there(folder))


def test_the_tree_draws_the_packages_at_the_top():
    packages = {f"{path.parent.name}/" for path in ROOT.glob("*/__init__.py")}
    assert packages <= drawn()


# --- The tables of docs/configuration.md ---------------------------------------------------------------------


HELPERS = {
    "text",
    "required",
    "boolean",
    "integer",
    "rate",
    "words",
    "choice",
    "path",
    "origins",
    "networks",
    "secret_word",
}


def variables() -> Iterator[tuple[str, object]]:
    """Name of every variable that the code reads through `env`, and its default where that is a literal."""
    for folder in ("identity_site", "recognition", "accounts"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                helper = _helper(node, inside=file.name == "env.py")
                if helper and isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant):
                    given = node.args[1:2] if helper != "required" else []
                    yield str(node.args[0].value), _literal(given[0]) if given else None


def _helper(node: ast.AST, *, inside: bool) -> str:
    """Which function of `env` is called here; empty for everything else. inside: of `env` itself."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="env"), attr=name)) if name in HELPERS:
            return name
        case ast.Call(func=ast.Name(id=name)) if inside and name in HELPERS:
            return name
    return ""


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def table() -> dict[str, str]:
    """Variable -> its default, as the tables say."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| .+ \|$", CONFIGURATION.read_text(), re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a variable stands in two rows"
    return dict(rows)


def test_the_table_has_every_variable_and_no_other():
    assert {name for name, _ in variables()} == set(table())


def test_the_table_has_the_defaults_of_the_code():
    said = table()
    wrong = {
        name: said[name]
        for name, default in variables()
        for part in (default if isinstance(default, list) else [default])
        if part not in (None, "")
        and f"`{str(part).lower() if isinstance(part, bool) else part}`" not in said[name]
    }
    assert wrong == {}
