"""Other weights take the place of the bundled embedder. Needs neither Keras nor TensorFlow."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from recognition.engine.networks import export
from recognition.engine.networks.keras_h5 import read_keras_h5
from recognition.engine.networks.litert_writer import HALF_FROM
from recognition.engine.runtimes.litert import InterpreterPool
from recognition.engine.types import ModelFileError
from recognition.engine.weights import Manifest
from tests.networks.pairs import DATA, MODELS, pairs, scaled

RANDOM = "ghostfacenet_v1_w0.5_s2_bias"
BUNDLED = Manifest.load(MODELS).default("embedder")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder with the bundled embedder."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("manifest.json", BUNDLED.file, str(BUNDLED.weights["file"])):
        shutil.copy(MODELS / name, folder / name)
    return folder


def exported(out: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Manifest:
    monkeypatch.setattr(sys, "argv", ["export", "--out", str(out), *arguments])
    export.main()
    return Manifest.load(out)


def test_under_the_former_name_it_loses_its_policy(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = DATA / f"{RANDOM}.h5"
    manifest = exported(out, monkeypatch, "--only", BUNDLED.name, "--file", str(source))
    spec = manifest.spec(BUNDLED.name)
    kept, given = (read_keras_h5(path) for path in (manifest.weights_path(spec), source))
    for half, whole in zip(kept, given, strict=True):
        assert half.settings == whole.settings
        for small, large in zip(half.weights, whole.weights, strict=True):
            expected = large.astype(np.float16) if large.size >= HALF_FROM else large
            np.testing.assert_array_equal(small, expected.astype(np.float32))
    assert (spec.accuracy, spec.settings) == ({}, {"mirrored": True})  # no threshold policy
    said = capsys.readouterr().out
    assert f"{BUNDLED.name}: other weights" in said
    assert "calibrate FOLDER" in said


def test_under_a_new_name_the_former_files_are_gone(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = DATA / f"{RANDOM}.h5"
    arguments = ["--only", BUNDLED.name, "--file", str(source), "--rename", "better-1"]
    manifest = exported(out, monkeypatch, *arguments)
    assert manifest.default("embedder").name == "better-1"
    assert BUNDLED.name not in {spec.name for spec in manifest.specs}
    assert sorted(path.name for path in out.iterdir()) == ["better-1.h5", "better-1.tflite", "manifest.json"]
    spec = manifest.spec("better-1")
    assert manifest.weights_path(spec).name == "better-1.h5"
    stored = pairs(RANDOM)
    (found,) = InterpreterPool(manifest.path(spec)).run(scaled(stored["x"]))
    np.testing.assert_allclose(found, stored["y"], atol=3e-3)
    before, after = (json.loads((folder / "manifest.json").read_text())["models"] for folder in (MODELS, out))
    assert before[:-1] == after[:-1]


def test_from_what_is_there_the_same_is_made_again(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    exported(out, monkeypatch, "--only", BUNDLED.name)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize(
    "arguments", [["--only", "nobody"], ["--file", "a.h5"], ["--rename", "better-1"]], ids=" ".join
)
def test_arguments_that_say_too_little(
    out: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    before = (out / "manifest.json").read_bytes()
    with pytest.raises(SystemExit):
        exported(out, monkeypatch, *arguments)
    assert (out / "manifest.json").read_bytes() == before


def test_a_file_that_is_no_network_changes_nothing(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad.h5"
    bad.write_bytes(b"nothing")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises((ModelFileError, OSError)):
        exported(out, monkeypatch, "--only", BUNDLED.name, "--file", str(bad), "--rename", "better-1")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
