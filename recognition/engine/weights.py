"""models/manifest.json -> specifications of the models and verified paths of their files.

The manifest is ``{"models": [{...fields of ModelSpec...}], "defaults": {"embedder": NAME}}``; without a
default, the first model of a kind is it. Models that a site installed later stand in a second folder, with a
manifest of the same form. A bundled model goes before an installed one of the same name.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from threading import Lock

from recognition.engine.types import ModelFileError, ModelSpec

KINDS = ("detector", "refiner", "inspector", "embedder")
COMPANION = "-640"  # after a detector's name, for its file of the larger input

_verified: set[tuple[Path, int, int, str]] = set()  # path, mtime, size, digest: hashed once in a process
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Manifest:
    """folder: of the bundled models. specs: bundled and installed. installed: names of those that were installed
    later, with the folder of their files."""

    folder: Path
    specs: tuple[ModelSpec, ...]
    defaults: dict[str, str]
    installed: dict[str, Path] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, installed: Path | None = None) -> Manifest:
        """installed: the second folder; it may be missing. Raises ModelFileError when a manifest is damaged."""
        remedy = "Restore it from the repository."
        document = _read(folder / "manifest.json", remedy)
        if document is None:
            raise ModelFileError(
                f"{folder / 'manifest.json'} is missing. Check out the models folder of the repository."
            )
        specs, defaults = document
        remedy = "Remove it and install the models again: manage.py fetch_models, manage.py import_model."
        later = _read(installed / "manifest.json", remedy) if installed else None
        added = [spec for spec in later[0] if spec.name not in {s.name for s in specs}] if later else []
        where = {spec.name: installed for spec in added if installed}
        return cls(folder, (*specs, *added), defaults, where)

    def spec(self, name: str) -> ModelSpec:
        for spec in self.specs:
            if spec.name == name:
                return spec
        there = ", ".join(spec.name for spec in self.specs)
        raise ModelFileError(
            f"No model {name!r} is installed; there are {there}. `manage.py fetch_models --list` shows more."
        )

    def default(self, kind: str) -> ModelSpec:
        """The model of this kind (one of ``KINDS``) that is used unless another is asked for."""
        if kind in self.defaults:
            return self.spec(self.defaults[kind])
        for spec in self.specs:
            if spec.kind == kind:
                return spec
        raise ModelFileError(f"No {kind} in {self.folder / 'manifest.json'}.")

    def parts(self, spec: ModelSpec) -> tuple[ModelSpec, ...]:
        """The entries that make up one model: this one and, for a detector, its companion of the same version."""
        if spec.kind != "detector":
            return (spec,)
        companion = (spec.name + COMPANION, spec.kind, spec.version)
        return (
            spec,
            *(other for other in self.specs if (other.name, other.kind, other.version) == companion),
        )

    def path(self, spec: ModelSpec) -> Path:
        """The file that is served. Raises ModelFileError unless size and SHA-256 are those of the manifest."""
        return self._checked(spec, spec.file, spec.sha256, spec.size)

    def weights_path(self, spec: ModelSpec) -> Path:
        """The original weights, for what builds the network itself. Raises ModelFileError as `path` does, and when
        the manifest names none."""
        try:
            file, sha256 = str(spec.weights["file"]), str(spec.weights["sha256"])
            size = int(str(spec.weights["size"]))
        except (KeyError, ValueError):
            raise ModelFileError(f"The manifest names no original weights of {spec.name}.") from None
        return self._checked(spec, file, sha256, size)

    def _checked(self, spec: ModelSpec, file_name: str, sha256: str, size: int) -> Path:
        path = self.installed.get(spec.name, self.folder) / file_name
        if spec.name in self.installed:
            remedy = f"Install it again: manage.py fetch_models {spec.name}, or manage.py import_model."
        else:
            remedy = f"Restore it: git checkout -- {path.parent.name}/{file_name}"
        try:
            found = path.stat()
            seen = (path, found.st_mtime_ns, found.st_size, sha256)
            with _lock:
                if seen in _verified:
                    return path
            if found.st_size != size:
                raise ModelFileError(f"{path} has {found.st_size} bytes instead of {size}. {remedy}")
            digest = file_sha256(path)
        except OSError as error:
            raise ModelFileError(f"{path} cannot be read ({error.strerror}). {remedy}") from error
        if digest != sha256.lower():
            raise ModelFileError(f"{path} is not the file that the manifest names. {remedy}")
        with _lock:
            _verified.add(seen)
        return path


def file_sha256(path: Path) -> str:
    """In hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path, remedy: str) -> tuple[tuple[ModelSpec, ...], dict[str, str]] | None:
    """The models and defaults of a manifest, None when there is no such file."""
    known = {f.name for f in fields(ModelSpec)}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        specs = tuple(
            ModelSpec(**{name: value for name, value in entry.items() if name in known})
            for entry in document["models"]
        )
        return specs, dict(document.get("defaults", {}))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelFileError(f"{path} is damaged ({error}). {remedy}") from error
