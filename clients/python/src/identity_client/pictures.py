"""Pictures as programs have them: a path, bytes, or an open file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import IO, cast

# A text is the path of a file, never base64. A file is read to its end.
Picture = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]
File = tuple[str, bytes, str]  # name, content, content type
OCTETS = "application/octet-stream"  # the site believes the bytes alone


def file_of(picture: Picture, *, name: str = "") -> File:
    """As a file of a form. name: in place of the one that a path or a file has. Raises OSError and TypeError."""
    if isinstance(picture, str | os.PathLike):
        path = Path(picture)
        return name or path.name, path.read_bytes(), OCTETS
    if isinstance(picture, bytes | bytearray | memoryview):
        return name or "picture", bytes(picture), OCTETS
    data = picture.read()
    if not isinstance(data, bytes):
        raise TypeError("The file was opened as text. Open it with mode 'rb'.")
    return name or os.path.basename(str(getattr(picture, "name", ""))) or "picture", data, OCTETS


def stream_of(file: Picture, opened: ExitStack) -> tuple[str, IO[bytes], str]:
    """As `file_of` for what is too large for memory. opened: closes what is opened here."""
    if isinstance(file, str | os.PathLike):
        path = Path(file)
        return path.name, opened.enter_context(path.open("rb")), OCTETS
    if isinstance(file, bytes | bytearray | memoryview):
        return "file", BytesIO(file), OCTETS
    return os.path.basename(str(getattr(file, "name", ""))) or "file", file, OCTETS


def listed(pictures: Picture | Sequence[Picture] | None) -> list[Picture]:
    """One or several as several."""
    if pictures is None:
        return []
    if isinstance(pictures, Sequence) and not isinstance(pictures, str | bytes | bytearray | memoryview):
        return list(pictures)
    return [cast(Picture, pictures)]
