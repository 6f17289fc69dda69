from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recognition.engine.embedder import CENTRED, Embedder
from recognition.engine.networks.litert_writer import Writer
from recognition.engine.runtimes.litert import InterpreterPool
from recognition.engine.runtimes.pools import open_pool
from recognition.engine.types import ModelFileError
from recognition.engine.weights import Manifest


def manifest_with(folder: Path, file: str, **entry: Any) -> Manifest:
    """Of a network from pictures to the mean of each channel."""
    writer = Writer()
    content = writer.finish([writer.mean(writer.input((1, 112, 112, 3)), keep=False)])
    (folder / file).write_bytes(content)
    model = {
        "name": "tiny",
        "kind": "embedder",
        "version": "1",
        "file": file,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "output": {"dimensions": 3},
    }
    (folder / "manifest.json").write_text(json.dumps({"models": [model | entry]}))
    return Manifest.load(folder)


def test_only_litert_files_are_run(tmp_path: Path) -> None:
    lite = manifest_with(tmp_path, "a.TFLITE")
    assert isinstance(open_pool(lite, lite.default("embedder")), InterpreterPool)
    for file in ("a.h5", "a.onnx"):
        other = manifest_with(tmp_path, file)
        with pytest.raises(ModelFileError, match="fetch_models --remove tiny"):
            open_pool(other, other.default("embedder"))


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [("x", [100, 150, 200]), (CENTRED, [-27.5, 22.5, 72.5]), (None, [-27.5, 22.5, 72.5])],
)
def test_pixels_are_scaled_as_the_manifest_says(
    tmp_path: Path, scaling: str | None, expected: list[float]
) -> None:
    manifest = manifest_with(tmp_path, "a.tflite", input={"scaling": scaling} if scaling else {})
    embedder = Embedder.from_manifest(manifest)
    crop = np.full((112, 112, 3), (100, 150, 200), np.uint8)
    vectors = embedder.embed([crop, crop])
    assert embedder.dimensions == 3
    assert vectors.shape == (2, 3)
    assert np.allclose(vectors, np.array(expected) / np.linalg.norm(expected), atol=1e-5)


def test_an_unknown_scaling_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"'x / 255'.*may be"):
        Embedder.from_manifest(manifest_with(tmp_path, "a.tflite", input={"scaling": "x / 255"}))
