"""What the commands that call services share: `--json`, errors, the progress bar, reading a picture."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser, SystemCheckError
from django.db import InterfaceError, OperationalError
from tqdm import tqdm

from recognition.engine.images import MAX_BYTES
from recognition.engine.types import REASONS, EngineError
from recognition.management.migrated_command import MigratedCommand
from recognition.services.errors import ServiceError


class Failed(CommandError):
    """``code`` is for machines, as in the API, and ``detail`` what else they may want to know."""

    def __init__(self, code: str, message: str, returncode: int = 1, detail: object = None) -> None:
        self.code = code
        self.detail = detail
        super().__init__(message, returncode=returncode)


class ServiceCommand(MigratedCommand):
    """Prints for people, or with ``--json`` one document on stdout.

    An error is a sentence on stderr, with ``--json`` the document ``{"error": {"code", "message"}}``; the exit
    status is not 0 then, and stdout stays empty.
    """

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return self._execute(*args, **options)
        except CommandError as error:
            if not (options.get("json") and self._called_from_command_line):
                raise
            self.stderr.write(json.dumps({"error": _described(error)}), style_func=lambda text: text)
            sys.exit(error.returncode)

    def _execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except ServiceError as error:
            raise Failed(error.code, str(error)) from None
        except EngineError as error:
            raise Failed("not_ready", str(error)) from None
        except (OperationalError, InterfaceError) as error:
            raise Failed("unavailable", f"The database does not answer: {str(error).strip()}") from None

    def print_document(self, document: object) -> None:
        self.stdout.write(json.dumps(document))

    def print_row(self, *cells: tuple[object, int]) -> None:
        """Cells with their widths; a negative width aligns to the right."""
        texts = (f"{cell!s:<{width}}" if width > 0 else f"{cell!s:>{-width}}" for cell, width in cells)
        self.stdout.write("  ".join(texts).rstrip())


def _described(error: CommandError) -> dict[str, Any]:
    code = getattr(error, "code", "system_check" if isinstance(error, SystemCheckError) else "failed")
    found: dict[str, Any] = {"code": code, "message": str(error)}
    if detail := getattr(error, "detail", None):
        found["detail"] = detail
    return found


def progress(total: int, unit: str, *, quiet: bool) -> tqdm[Any]:
    """A bar on stderr where somebody can see it."""
    return tqdm(total=total, unit=unit, disable=quiet or not sys.stderr.isatty())


def bytes_on(bar: tqdm[Any]) -> Callable[[int, int], None]:
    """For loading a file: shows bytes done, and of all, on the bar."""
    bar.unit_scale = True

    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return show


def read_picture(path: Path) -> bytes:
    """The bytes of the file. Raises Failed when it cannot be read or is too large for any picture."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Failed("too_large", f"{path}: {REASONS['too_large']}")
        return path.read_bytes()
    except OSError as error:
        raise Failed("missing", f"{path} cannot be read: {error.strerror}.") from None
