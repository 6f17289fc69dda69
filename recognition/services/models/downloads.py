"""Loading a published file: resumed where it broke off, and never taken unless its size and digest are right."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, url2pathname, urlopen

from django.conf import settings

from recognition.engine.weights import file_sha256
from recognition.services.errors import Invalid

Progress = Callable[[int, int], None]

CHUNK = 1 << 16
TIMEOUT = 30.0
TRIES = 3
RANGE_NOT_SATISFIABLE = 416


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """size: in bytes. sha256: in hexadecimal."""

    url: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return PurePosixPath(urlsplit(self.url).path).name


def download(
    remote: RemoteFile,
    folder: Path,
    *,
    progress: Progress = lambda done, total: None,
    patience: float | None = None,
) -> Path:
    """The file in ``folder``, loaded unless it is there already.

    It comes from MODELS_MIRROR where that is set, a folder or an address that has a file of this name. What is
    loaded stays in a ``.part`` file until it is whole. progress: bytes done and of all. patience: seconds to wait for
    an answer, once; without it longer and several times. Raises Invalid.
    """
    target = folder / remote.name
    part = target.with_name(target.name + ".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if target.exists() and file_sha256(target) == remote.sha256:
            return target
        with part.open("ab", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Invalid("busy", f"{remote.name} is being loaded by another process.") from None
            _fill(remote, part, file, progress, patience)
        _check(remote, part)
        part.replace(target)
    except OSError as error:
        raise Invalid("unwritable", f"{error.filename or folder}: {error.strerror or error}.") from None
    return target


def _fill(remote: RemoteFile, part: Path, file: FileIO, progress: Progress, patience: float | None) -> None:
    if part.stat().st_size > remote.size:
        file.truncate(0)
    mirror = settings.MODELS_MIRROR
    local = _local_folder(mirror)
    if local is not None:
        _copy(local / remote.name, file)
        return
    address = f"{mirror.rstrip('/')}/{remote.name}" if mirror else remote.url
    problem = "it ended too early"
    for _ in range(TRIES if patience is None else 1):
        try:
            _load(address, remote, part, file, progress, patience or TIMEOUT)
        except HTTPError as error:
            problem = f"the server answered {error.code} {error.reason}"
            if error.code < 500 and error.code != RANGE_NOT_SATISFIABLE:
                break
        except (URLError, TimeoutError, ConnectionError) as error:
            problem = str(getattr(error, "reason", error))
        if part.stat().st_size >= remote.size:
            return
    raise Invalid(
        "not_loaded",
        f"{address} could not be loaded: {problem}. What has come so far is kept; run the command again to go on. "
        f"Without a network, bring {remote.name} in another way: put it into a folder and set MODELS_MIRROR to that "
        "folder, or use manage.py import_model.",
    )


def _local_folder(mirror: str) -> Path | None:
    parts = urlsplit(mirror)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return None if not mirror or parts.scheme in ("http", "https") else Path(mirror)


def _copy(source: Path, file: FileIO) -> None:
    file.truncate(0)
    try:
        with source.open("rb") as given:
            shutil.copyfileobj(given, file)
    except OSError as error:
        raise Invalid("not_loaded", f"{source} (MODELS_MIRROR): {error.strerror or error}.") from None


def _load(
    address: str, remote: RemoteFile, part: Path, file: FileIO, progress: Progress, timeout: float
) -> None:
    done = part.stat().st_size
    if done >= remote.size:
        return
    request = Request(address, headers={"Range": f"bytes={done}-", "User-Agent": "identity-site"})  # noqa: S310
    with urlopen(request, timeout=timeout) as answer:  # noqa: S310 - http or https, see _local_folder
        if answer.status != 206 or not answer.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
            file.truncate(0)  # the whole file comes
            done = 0
        while chunk := answer.read(CHUNK):
            done += len(chunk)
            if done > remote.size:
                file.truncate(0)
                raise Invalid(
                    "wrong_file", f"{address} is larger than {remote.size} bytes. It is not that file."
                )
            file.write(chunk)
            progress(done, remote.size)


def _check(remote: RemoteFile, part: Path) -> None:
    size = part.stat().st_size
    if size != remote.size or file_sha256(part) != remote.sha256:
        part.unlink()
        raise Invalid(
            "wrong_file",
            f"What was loaded as {remote.name} is not the published file ({size} bytes, another digest). It was "
            "removed. Try again, or check MODELS_MIRROR.",
        )
