from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from recognition.engine.networks import export  # noqa: E402
from recognition.engine.networks.convert import convert  # noqa: E402
from recognition.engine.networks.refiner import face_refiner  # noqa: E402
from recognition.engine.runtimes.litert import InterpreterPool  # noqa: E402
from recognition.engine.types import ModelFileError  # noqa: E402
from recognition.engine.weights import Manifest  # noqa: E402
from tests.networks.pairs import MODELS, pairs, scaled  # noqa: E402
from tests.networks.randomly import randomised  # noqa: E402


def exported(name: str, weights: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """The manifest of the bundled models after one was made again in another folder."""
    out.mkdir(exist_ok=True)
    (out / "manifest.json").write_bytes((MODELS / "manifest.json").read_bytes())
    arguments = ["export", "--weights", str(weights), "--out", str(out), "--only", name]
    monkeypatch.setattr(sys, "argv", arguments)
    export.main()
    return Manifest.load(out)


def test_export_enters_size_and_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = randomised(face_refiner())
    model.save(tmp_path / "face-refiner-64.keras")
    manifest = exported("face-refiner-64", tmp_path, tmp_path, monkeypatch)
    assert manifest.weights_path(manifest.spec("face-refiner-64")) == tmp_path / "face-refiner-64.keras"
    path = manifest.path(manifest.spec("face-refiner-64"))
    x = scaled(pairs("face-refiner-64")["x"][:1])
    expected = keras.ops.convert_to_numpy(model(x, training=False))
    np.testing.assert_allclose(InterpreterPool(path).run(x)[0], expected, atol=1e-3)
    before, after = (json.loads((folder / "manifest.json").read_text()) for folder in (MODELS, tmp_path))
    assert [entry["name"] for entry in before["models"]] == [entry["name"] for entry in after["models"]]
    assert before["models"][-1] == after["models"][-1]


def test_the_same_weights_keep_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = exported("face-refiner-64", MODELS, tmp_path, monkeypatch)
    before, after = (m.spec("face-refiner-64") for m in (Manifest.load(MODELS), manifest))
    assert after.weights == before.weights
    assert after.accuracy == before.accuracy
    assert manifest.weights_path(after).parent == tmp_path


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "model.onnx", "model.npz", "model.txt"])
def test_no_model_at_all(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(ModelFileError, match="model"):
        convert(tmp_path / name)
