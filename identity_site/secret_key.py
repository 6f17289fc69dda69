"""The keys of a site that was given none: made once, kept in the data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

NAME = "secret_key"
SITE_KEY = "site_key"


def kept_in(data_dir: Path, name: str = NAME) -> str:
    """The key of this data folder, made now if there is none. Readable by its owner only."""
    path = data_dir / name
    try:
        return _read(path) or _make(path)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The key {path} cannot be read or made ({error}). Set {name.upper()}, or IDENTITY_DATA_DIR "
            "to a folder of your own."
        ) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def _make(path: Path) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(6)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(64) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link is made whole or not at all: of two first starts at once, one wins and both read its key.
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()
    return _read(path)


def replace(data_dir: Path, name: str) -> None:
    """A new key before the former ones, which stay readable. Processes that run read the file again."""
    former = _read(data_dir / name).split()
    _write(data_dir / name, [secrets.token_urlsafe(64), *former])


def forget_former(data_dir: Path, name: str) -> None:
    _write(data_dir / name, _read(data_dir / name).split()[:1])


def _write(path: Path, keys: list[str]) -> None:
    """At one blow: whoever reads finds all keys of before or all of after."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(6)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write("\n".join(keys) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
