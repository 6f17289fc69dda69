"""The catalogues of translations: what has to be translated is found in code, templates and scripts.

    python -m scripts.messages           adds what is new to locale/*/LC_MESSAGES/*.po and compiles them
    python -m scripts.messages --check   only says what is missing, superfluous, unfinished or not compiled

Works without GNU gettext. Of packages that do not speak every language of this site, the texts that people see here are
part of the catalogue.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("vi",)
CODE = ("accounts", "identity_site", "recognition")
CALLS = {
    "_": 1,
    "gettext": 1,
    "gettext_lazy": 1,
    "gettext_noop": 1,
    "noted": 1,
    "ngettext": 2,
    "ngettext_lazy": 2,
}
# The engine knows no Django: its sentences are translated where they are shown.
TABLES = {
    "recognition/engine/types.py": {"REASONS", "TOO_LARGE"},
    "recognition/engine/liveness/judging.py": {"FAILURES"},
}
# Of packages without these languages: what of theirs is shown here.
FOREIGN_TEMPLATES = {
    "allauth": (
        *(f"account/{name}" for name in ("email/password_*", "email/base*", "messages/p*")),
        *(f"mfa/{name}" for name in ("*.html", "totp/*", "recovery_codes/*", "email/*", "messages/*")),
        *(f"mfa/webauthn/{name}" for name in ("a*", "edit*", "base*", "reauth*")),
    )
}
FOREIGN_CODE = {
    "allauth": (
        *("account/adapter.py", "account/admin.py", "account/forms.py", "account/models.py"),
        *("mfa/*/forms.py", "mfa/adapter.py", "mfa/models.py"),
    )
}
# Single texts of packages that speak the language otherwise, or of which few are shown.
FOREIGN_TEXTS = {
    "django": (
        "History",
        "Sessions",
        "log entry",
        "Password-based authentication",
        "Enabled",
        "Disabled",
        "Whether the user will be able to authenticate using a password or not. If disabled, they may still be able "
        "to authenticate using other backends, such as Single Sign-On or LDAP.",
        "After you've created a user, you’ll be able to edit more user options.",
    ),
    "unfold": (
        "Record picture",
        "Select record",
        "Select all rows",
        "Select all objects on this page for an action",
        "Select action to run",
        "Select action",
        "Run",
        "Show counts",
        "Apply Filters",
        "View selected %(model)s",
        "Raw passwords are not stored, so there is no way to see this user’s password, but you can change the password "
        'using <a href="{}" class="text-primary-600 dark:text-primary-500">this form</a>.',
    ),
}
JS_CALL = re.compile(r'gettext\(\s*"((?:[^"\\]|\\.)*)"')
VALUES = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")

Message = tuple[str, str]  # one, and several or nothing
Found = dict[Message, set[str]]


def of_code(path: Path) -> Iterator[Message]:
    """The messages of a Python file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tables = TABLES.get(path.relative_to(ROOT).as_posix(), set()) if path.is_relative_to(ROOT) else set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            texts = [part.value for part in node.args[: CALLS.get(name, 0)] if isinstance(part, ast.Constant)]
            if texts and all(isinstance(text, str) for text in texts):
                yield texts[0], texts[1] if len(texts) > 1 else ""
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if {getattr(target, "id", "") for target in targets} & tables:
                value = ast.literal_eval(_without_computed(node.value))
                yield from ((text, "") for text in (value.values() if isinstance(value, dict) else [value]))


def _without_computed(node: ast.expr | None) -> ast.expr:
    """A dictionary without the values that are no plain text."""
    if isinstance(node, ast.Dict):
        kept = [(k, v) for k, v in zip(node.keys, node.values, strict=True) if isinstance(v, ast.Constant)]
        return ast.Dict([key for key, _ in kept], [value for _, value in kept])
    assert node is not None
    return node


def of_template(path: Path) -> Iterator[Message]:
    """The messages of a template."""
    from django.template import engines
    from django.templatetags.i18n import BlockTranslateNode, TranslateNode

    nodes = engines["django"].from_string(path.read_text(encoding="utf-8")).template.nodelist
    for node in nodes.get_nodes_by_type(TranslateNode):
        text = node.filter_expression.var.literal
        if isinstance(text, str):
            yield text, ""
    for node in nodes.get_nodes_by_type(BlockTranslateNode):
        one = node.render_token_list(node.singular)[0]
        several = node.render_token_list(node.plural)[0] if node.plural and node.countervar else ""
        yield one, several


def of_script(path: Path) -> Iterator[Message]:
    """The messages of a JavaScript file."""
    for text in JS_CALL.findall(path.read_text(encoding="utf-8")):
        yield text.replace('\\"', '"'), ""


def collect() -> dict[str, Found]:
    """Both domains with their messages, and where each was found."""
    import importlib.util

    found: dict[str, Found] = {"django": {}, "djangojs": {}}

    def add(domain: str, path: Path, messages: Iterator[Message], name: str) -> None:
        for message in messages:
            if message[0].strip():
                found[domain].setdefault(message, set()).add(name)

    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            add("django", path, of_code(path), path.relative_to(ROOT).as_posix())
    for path in sorted((ROOT / "templates").rglob("*.*")):
        if path.suffix in (".html", ".txt"):
            add("django", path, of_template(path), path.relative_to(ROOT).as_posix())
    for path in sorted((ROOT / "static").rglob("*.js")):
        add("djangojs", path, of_script(path), path.relative_to(ROOT).as_posix())
    for package, texts in FOREIGN_TEXTS.items():
        add("django", ROOT, ((text, "") for text in texts), package)
    for package, patterns in (*FOREIGN_TEMPLATES.items(), *FOREIGN_CODE.items()):
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        home = Path(spec.origin).parent
        for pattern in patterns:
            base = home if pattern.endswith(".py") else home / "templates"
            for path in sorted(base.glob(pattern)):
                own = ROOT / "templates" / path.relative_to(base)
                if path.is_file() and (pattern.endswith(".py") or not own.exists()):
                    read = of_code if path.suffix == ".py" else of_template
                    add("django", path, read(path), f"{package}/{path.relative_to(home).as_posix()}")
    return found


def update(catalogue: Path, messages: Found) -> None:
    """Adds what is new, drops what is gone, compiles."""
    before = {(entry.msgid, entry.msgid_plural): entry for entry in polib.pofile(str(catalogue))}
    after = polib.POFile(wrapwidth=0)
    after.metadata = {
        "Language": catalogue.parent.parent.name,
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=1; plural=0;",
    }
    for message in sorted(messages):
        entry = before.get(message) or polib.POEntry(msgid=message[0], msgid_plural=message[1])
        if message[1] and not entry.msgstr_plural:
            entry.msgstr_plural = {0: ""}
        entry.occurrences = [(name, "") for name in sorted(messages[message])]
        entry.flags = [flag for flag in entry.flags if flag == "fuzzy"]
        after.append(entry)
    after.save(str(catalogue))
    after.save_as_mofile(str(catalogue.with_suffix(".mo")))


def complaints(catalogue: Path, messages: Found) -> list[str]:
    """What is wrong with a catalogue."""
    there = polib.pofile(str(catalogue))
    known = {(entry.msgid, entry.msgid_plural) for entry in there}
    found = [
        f"not in the catalogue: {one!r} of {', '.join(messages[one, n])}"
        for one, n in messages.keys() - known
    ]
    found += [f"no longer used: {one!r}" for one, _ in known - messages.keys()]
    for entry in there:
        said = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        if not all(said):
            found.append(f"not translated: {entry.msgid!r}")
        elif entry.fuzzy:
            found.append(f"fuzzy: {entry.msgid!r}")
        else:
            wanted = set(VALUES.findall(entry.msgid_plural or entry.msgid))
            found += [
                f"other values: {entry.msgid!r}" for text in said if set(VALUES.findall(text)) != wanted
            ]
    compiled = catalogue.with_suffix(".mo")
    if not compiled.exists() or compiled.read_bytes() != there.to_binary():
        found.append(f"{compiled.name} is not that of {catalogue.name}")
    return [f"{catalogue.relative_to(ROOT)}: {problem}" for problem in sorted(found)]


def main() -> int:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "identity_site.settings")
    django.setup()
    wrong = []
    for domain, messages in collect().items():
        for language in LANGUAGES:
            catalogue = ROOT / "locale" / language / "LC_MESSAGES" / f"{domain}.po"
            if "--check" not in sys.argv:
                catalogue.parent.mkdir(parents=True, exist_ok=True)
                catalogue.touch()
                update(catalogue, messages)
            wrong += complaints(catalogue, messages)
    print("\n".join(wrong) or "Every text has its translation.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
