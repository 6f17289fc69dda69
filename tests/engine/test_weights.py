from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from recognition.engine import weights
from recognition.engine.types import ModelFileError
from recognition.engine.weights import Manifest

BYTES = b"weights of a network"


def entry(name: str = "small", kind: str = "embedder", **changes: Any) -> dict[str, Any]:
    digest = hashlib.sha256(BYTES).hexdigest()
    return {
        "name": name,
        "kind": kind,
        "version": "1",
        "file": f"{name}.tflite",
        "sha256": digest,
        "size": len(BYTES),
        "output": {"dimensions": 512},
    } | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.tflite").write_bytes(BYTES)
    write(tmp_path, [entry(), entry("large"), entry("finder", "detector")])
    return tmp_path


def write(folder: Path, models: list[dict[str, Any]], **more: Any) -> None:
    (folder / "manifest.json").write_text(json.dumps({"models": models, **more}))


def test_names_and_defaults(folder: Path) -> None:
    manifest = Manifest.load(folder)
    assert manifest.spec("large").output == {"dimensions": 512}
    assert manifest.default("embedder").name == "small"
    assert manifest.default("detector").name == "finder"
    write(folder, [entry(), entry("large")], defaults={"embedder": "large"})
    assert Manifest.load(folder).default("embedder").name == "large"


def test_unknown_names_say_what_there_is(folder: Path) -> None:
    manifest = Manifest.load(folder)
    with pytest.raises(ModelFileError, match="small, large, finder"):
        manifest.spec("medium")
    with pytest.raises(ModelFileError, match="refiner"):
        manifest.default("refiner")


def test_fields_of_later_versions_are_ignored(folder: Path) -> None:
    write(folder, [entry(colour="green")])
    assert Manifest.load(folder).spec("small").version == "1"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"models": [{"name": "x"}]}', '{"models": 3}', '{"models": ["x"]}']
)
def test_a_damaged_manifest(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ModelFileError, match="damaged"):
        Manifest.load(tmp_path)


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="missing"):
        Manifest.load(tmp_path)


def test_the_right_file(folder: Path) -> None:
    manifest = Manifest.load(folder)
    assert manifest.path(manifest.spec("small")) == folder / "small.tflite"


def test_a_missing_file_names_the_remedy(folder: Path) -> None:
    manifest = Manifest.load(folder)
    with pytest.raises(ModelFileError, match=r"git checkout -- .*/large\.tflite"):
        manifest.path(manifest.spec("large"))


@pytest.mark.parametrize("content", [BYTES[:-1], b"", BYTES[:-1] + b"!"])
def test_a_wrong_file_names_the_remedy(folder: Path, content: bytes) -> None:
    manifest = Manifest.load(folder)
    (folder / "small.tflite").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"git checkout -- .*/small\.tflite"):
        manifest.path(manifest.spec("small"))


def test_a_file_is_hashed_once_and_again_when_it_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = Manifest.load(folder)
    spec = manifest.spec("small")
    manifest.path(spec)
    hashed: list[int] = []
    real = hashlib.file_digest
    monkeypatch.setattr(weights.hashlib, "file_digest", lambda *args: (hashed.append(1), real(*args))[1])
    manifest.path(spec)
    assert not hashed
    os.utime(folder / "small.tflite", (1, 1))
    manifest.path(spec)
    assert hashed
    (folder / "small.tflite").write_bytes(BYTES[::-1])
    with pytest.raises(ModelFileError):
        manifest.path(spec)


def test_a_detector_goes_with_its_companion_alone(folder: Path) -> None:
    finders = [
        entry(name, "detector") for name in ("finder", "finder-640", "finder-b", "finder-b-640", "x-640")
    ]
    write(folder, [*finders, entry("x", "detector", version="2"), entry(), entry("small-640")])
    manifest = Manifest.load(folder)

    def parts(name: str) -> list[str]:
        return [spec.name for spec in manifest.parts(manifest.spec(name))]

    assert parts("finder") == ["finder", "finder-640"]
    assert parts("finder-b") == ["finder-b", "finder-b-640"]
    assert parts("x") == ["x"]  # the other is of another version
    assert parts("small") == ["small"]  # only detectors come in two files
