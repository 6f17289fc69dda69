"""models/manifest.json -> specifications of the models and verified paths of their files.

The manifest is ``{"models": [{...fields of ModelSpec...}], "defaults": {"embedder": NAME}}``; without a
default, the first model of a kind is it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path
from threading import Lock

from recognition.engine.types import ModelFileError, ModelSpec

KINDS = ("detector", "refiner", "embedder")

_verified: set[tuple[Path, int, int, str]] = set()  # path, mtime, size, digest: hashed once in a process
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Manifest:
    folder: Path
    specs: tuple[ModelSpec, ...]
    defaults: dict[str, str]

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Raises ModelFileError when the manifest is missing or damaged."""
        path = folder / "manifest.json"
        known = {f.name for f in fields(ModelSpec)}
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            specs = tuple(
                ModelSpec(**{name: value for name, value in entry.items() if name in known})
                for entry in document["models"]
            )
            defaults = dict(document.get("defaults", {}))
        except FileNotFoundError as error:
            raise ModelFileError(
                f"{path} is missing. Check out the models folder of the repository."
            ) from error
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelFileError(f"{path} is damaged ({error}). Restore it from the repository.") from error
        return cls(folder, specs, defaults)

    def spec(self, name: str) -> ModelSpec:
        for spec in self.specs:
            if spec.name == name:
                return spec
        installed = ", ".join(spec.name for spec in self.specs)
        raise ModelFileError(f"No model {name!r} in {self.folder / 'manifest.json'}; it has {installed}.")

    def default(self, kind: str) -> ModelSpec:
        """The model of this kind (one of ``KINDS``) that is used unless another is asked for."""
        if kind in self.defaults:
            return self.spec(self.defaults[kind])
        for spec in self.specs:
            if spec.kind == kind:
                return spec
        raise ModelFileError(f"No {kind} in {self.folder / 'manifest.json'}.")

    def path(self, spec: ModelSpec) -> Path:
        """Where the weights are. Raises ModelFileError unless size and SHA-256 are those of the manifest."""
        path = self.folder / spec.file
        remedy = f"Restore it: git checkout -- {path.parent.name}/{spec.file}"
        try:
            found = path.stat()
            seen = (path, found.st_mtime_ns, found.st_size, spec.sha256)
            with _lock:
                if seen in _verified:
                    return path
            if found.st_size != spec.size:
                raise ModelFileError(f"{path} has {found.st_size} bytes instead of {spec.size}. {remedy}")
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ModelFileError(f"{path} cannot be read ({error.strerror}). {remedy}") from error
        if digest != spec.sha256.lower():
            raise ModelFileError(f"{path} is not the file that the manifest names. {remedy}")
        with _lock:
            _verified.add(seen)
        return path
