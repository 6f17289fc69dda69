"""The models that a site installed beside the bundled ones: files and manifest in ``DATA_DIR/models``.

Processes read the manifest when they start and again when they meet a name that they do not know, so that an
installed model can be used without a restart.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError

from recognition.engine.types import ConvertedModel, ModelSpec
from recognition.engine.weights import Manifest
from recognition.models import ModelVersion
from recognition.services.analysis import models_folder, read_manifest, register
from recognition.services.errors import Conflict, Invalid, NotFound

NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,70}[a-z0-9])?")


def install(
    files: Sequence[ConvertedModel],
    *,
    name: str,
    version: str,
    licence: str = "",
    source: str = "",
    accuracy: dict[str, object] | None = None,
    extension: str = ".tflite",
    original: Path | None = None,
) -> list[ModelSpec]:
    """Keep the files of one model and name them in the manifest; embedders become model versions, not in use yet.

    original: the weights that they were converted from, which are kept for GPU workers.
    Installing the same files again changes nothing. Raises Invalid for an impossible name, Conflict when another
    model has it.
    """
    check_name(name)
    kept_original = original.read_bytes() if original is not None else b""
    weights = _weights_entry(name, original, kept_original) if original is not None else {}
    specs = [
        ModelSpec(
            name=name + file.suffix,
            kind=file.kind,
            version=version,
            file=f"{name}{file.suffix}{extension}",
            sha256=hashlib.sha256(file.content).hexdigest(),
            size=len(file.content),
            input=dict(file.input),
            output=dict(file.output),
            licence=licence,
            source=source,
            accuracy=dict(accuracy or {}),
            settings=dict(file.settings),
            weights=weights,
        )
        for file in files
    ]
    folder = models_folder()
    with _writing(folder) as document:
        _refuse_other(specs, document)
        for spec in specs:
            if spec.kind == "embedder":
                register(spec)  # may refuse, so before anything is written
        for spec, file in zip(specs, files, strict=True):
            _write(folder / spec.file, file.content)
        if weights:
            _write(folder / str(weights["file"]), kept_original)
        names = {spec.name for spec in specs}
        kept = [entry for entry in document["models"] if entry["name"] not in names]
        document["models"] = kept + [asdict(spec) for spec in specs]
    return specs


def _weights_entry(name: str, original: Path, content: bytes) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    return {"file": f"{name}{original.suffix.lower()}", "sha256": digest, "size": len(content)}


def check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        text = f"{name!r} is no name for a model: small letters, digits, dots and hyphens, 72 at most."
        raise Invalid("bad_name", text)


def remove(name: str) -> None:
    """Forget an installed model and its files. Raises NotFound, or Conflict when the site has vectors of it."""
    folder = models_folder()
    with _writing(folder) as document:
        if all(e["name"] != name for e in document["models"]):
            raise NotFound("unknown_model", f"No model {name!r} was installed here.")
        installed = Manifest.load(folder)  # alone: here no bundled model goes before one of the same name
        parts = {spec.name for spec in installed.parts(installed.spec(name))}
        gone = [e for e in document["models"] if e["name"] in parts]
        with transaction.atomic():
            version = ModelVersion.objects.select_for_update().filter(name=name).first()
            if version is not None:
                _forget(version)
        document["models"] = [e for e in document["models"] if e not in gone]
    for e in gone:
        for file in (e["file"], e.get("weights", {}).get("file")):
            if file:
                (folder / file).unlink(missing_ok=True)


def _forget(version: ModelVersion) -> None:
    if version.active:
        raise Conflict("in_use", f"{version.name} is the model in use.")
    try:
        version.delete()
    except ProtectedError:
        text = f"The site still has vectors of {version.name}. Remove them first: manage.py reembed --drop."
        raise Conflict("in_use", text) from None


def _refuse_other(specs: Sequence[ModelSpec], document: dict[str, Any]) -> None:
    bundled = {spec.name for spec in Manifest.load(Path(settings.MODELS_DIR)).specs}
    there = {entry["name"]: entry["sha256"] for entry in document["models"]}
    for spec in specs:
        if spec.name in bundled:
            raise Conflict("name_taken", f"{spec.name} is the name of a bundled model. Choose another one.")
        if there.get(spec.name, spec.sha256) != spec.sha256:
            text = (
                f"Another model is installed as {spec.name}. Choose another name, or remove it first: "
                f"manage.py fetch_models --remove {spec.name}"
            )
            raise Conflict("name_taken", text)


@contextmanager
def _writing(folder: Path) -> Iterator[dict[str, Any]]:
    """The manifest to be changed, by one process at a time; written when the block ends well."""
    path = folder / "manifest.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            read_manifest()  # a damaged one is not written over
            document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"models": []}
            yield document
            _write(path, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        raise Invalid("unwritable", f"{folder} cannot be written: {error.strerror or error}.") from None


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)
