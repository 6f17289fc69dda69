from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from recognition.engine.embedder import CENTRED, Embedder
from recognition.engine.runtimes.litert import InterpreterPool
from recognition.engine.runtimes.opencv import NetPool
from recognition.engine.runtimes.pools import open_pool
from recognition.engine.types import ModelFileError
from recognition.engine.weights import Manifest
from tests.engine.tiny_onnx import channel_means


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(channel_means())
    return path


def colours(*rgb: int, side: int = 8) -> Any:
    return np.broadcast_to(np.array(rgb, np.float32), (1, side, side, 3))


def test_channels_come_last_as_for_every_pool(network: Path) -> None:
    (means,) = NetPool(network).run(colours(10, 20, 30))
    assert means.dtype == np.float32
    assert np.allclose(means, [[10, 20, 30]])


def test_weights_among_the_inputs_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "stale.onnx"
    path.write_bytes(channel_means(stale_input=True))
    assert np.allclose(NetPool(path, input_name="data").run(colours(1, 2, 3))[0], [[1, 2, 3]])
    with pytest.raises(ModelFileError, match="cannot be run"):
        NetPool(path).run(colours(1, 2, 3))


def test_answers_are_copies_and_other_sizes_are_taken(network: Path) -> None:
    pool = NetPool(network, size=1)
    first = pool.run(colours(1, 2, 3))[0]
    assert np.allclose(pool.run(colours(4, 5, 6, side=16))[0], [[4, 5, 6]])
    assert np.allclose(first, [[1, 2, 3]])


def test_nothing_is_loaded_before_the_first_run(tmp_path: Path) -> None:
    pool = NetPool(tmp_path / "none.onnx")
    with pool.lease(), pool.lease():
        pass
    with pytest.raises(ModelFileError, match="is missing"):
        pool.run(colours(1, 2, 3))


def test_a_file_that_is_no_network(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelFileError, match=r"x\.onnx cannot be run"):
        NetPool(path).run(colours(1, 2, 3))


def test_a_runner_comes_back_after_an_error(network: Path) -> None:
    pool = NetPool(network, size=1)
    with pytest.raises(ModelFileError, match="pictures are expected"):
        pool.run(np.ones((1, 3), np.float32))
    with pytest.raises(KeyError), pool.lease():
        raise KeyError
    assert len(pool.run(colours(1, 2, 3))) == 1


def test_an_older_opencv_is_named(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2.dnn, "ENGINE_NEW")
    with pytest.raises(ModelFileError, match="pip install -r"):
        NetPool(network).run(colours(1, 2, 3))


def test_many_threads_share_few_networks(network: Path) -> None:
    pool = NetPool(network, size=2)

    def right(number: int) -> bool:
        return np.allclose(pool.run(colours(number, 2 * number, 3))[0], [[number, 2 * number, 3]])

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(right, range(400)))


def manifest_with(folder: Path, file: str, **entry: Any) -> Manifest:
    content = channel_means()
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


def test_the_suffix_names_the_runtime(tmp_path: Path) -> None:
    onnx = manifest_with(tmp_path, "a.onnx")
    assert isinstance(open_pool(onnx, onnx.default("embedder")), NetPool)
    lite = manifest_with(tmp_path, "a.TFLITE")
    assert isinstance(open_pool(lite, lite.default("embedder")), InterpreterPool)
    other = manifest_with(tmp_path, "a.h5")
    with pytest.raises(ModelFileError, match="tiny"):
        open_pool(other, other.default("embedder"))


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [("x", [100, 150, 200]), (CENTRED, [-27.5, 22.5, 72.5]), (None, [-27.5, 22.5, 72.5])],
)
def test_pixels_are_scaled_as_the_manifest_says(
    tmp_path: Path, scaling: str | None, expected: list[float]
) -> None:
    manifest = manifest_with(tmp_path, "a.onnx", input={"scaling": scaling} if scaling else {})
    embedder = Embedder.from_manifest(manifest)
    crop = np.full((112, 112, 3), (100, 150, 200), np.uint8)
    vectors = embedder.embed([crop, crop])
    assert embedder.dimensions == 3
    assert vectors.shape == (2, 3)
    assert np.allclose(vectors, np.array(expected) / np.linalg.norm(expected), atol=1e-5)


def test_an_unknown_scaling_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"'x / 255'.*may be"):
        Embedder.from_manifest(manifest_with(tmp_path, "a.onnx", input={"scaling": "x / 255"}))
