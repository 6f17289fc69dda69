"""SFace and YuNet from the package that carries them; what they compute is tested in `tests.engine.test_with_sface`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recognition.engine import packaged
from recognition.engine.networks.convert import convert
from recognition.engine.networks.onnx_graph import _dequantised, read_onnx
from recognition.engine.networks.opencv_zoo import read_sface, read_yunet, yunet_outputs
from recognition.engine.types import ModelFileError
from tests.engine.tiny_onnx import channel_means

SFACE, YUNET = (packaged.find(name).path for name in packaged.NAMES)


def test_layers_of_sface() -> None:
    nodes = read_sface(SFACE)
    kinds = [node.kind for node in nodes]
    assert kinds[:5] == ["InputLayer", "Rescaling", "Rescaling", "ZeroPadding2D", "Conv2D"]
    assert kinds[-4:] == ["BatchNormalization", "Flatten", "Dense", "BatchNormalization"]
    assert kinds.count("DepthwiseConv2D") == 13
    assert nodes[1].settings["offset"] == pytest.approx(-127.5)
    assert nodes[2].settings["scale"] == pytest.approx(1 / 128)
    assert all(np.isfinite(array).all() for node in nodes for array in node.weights)


def test_layers_of_yunet() -> None:
    nodes = {node.name: node for node in read_yunet(YUNET)}
    assert len(yunet_outputs()) == 9
    assert {nodes[name].kind for name in yunet_outputs()} == {"Multiply", "Reshape"}
    assert sum(node.kind == "UpSampling2D" for node in nodes.values()) == 2


def test_they_are_told_apart() -> None:
    """A file is tried as an embedder and as a detector."""
    found = [convert(path)[0] for path in (SFACE, YUNET)]
    assert [one.kind for one in found] == ["embedder", "detector"]
    assert found[1].settings["family"] == "yunet"
    assert found[1].input["shape"] == [1, None, None, 3]
    with pytest.raises(ModelFileError, match="is not a SFace"):
        convert(YUNET, "embedder")
    with pytest.raises(ModelFileError, match="is not a YuNet"):
        read_yunet(SFACE)


@pytest.mark.parametrize("size", [0, 1, 1000, 5_000_000, 10_667_851])
def test_a_file_that_was_cut_short(tmp_path: Path, size: int) -> None:
    path = tmp_path / "short.onnx"
    path.write_bytes(SFACE.read_bytes()[:size])
    with pytest.raises(ModelFileError, match="short"):
        convert(path, "embedder")


def test_a_small_onnx_file(tmp_path: Path) -> None:
    path = tmp_path / "means.onnx"
    path.write_bytes(channel_means(stale_input=True))
    pool, flatten = read_onnx(path)
    assert (pool.kind, pool.inputs, pool.weights) == ("GlobalAveragePool", (), ())
    assert (flatten.kind, flatten.inputs) == ("Flatten", (pool.name,))


def test_numbers_of_quantised_weights() -> None:
    """One scale for all, one for each index of an axis, one for each block of the axis, the last of them shorter."""
    numbers = np.arange(-6, 9, dtype=np.int8).reshape(3, 5)
    one = _dequantised([numbers, np.array(0.5), np.array(2)], 1, 0)
    np.testing.assert_array_equal(one, (numbers - 2.0) * 0.5)
    scales = np.array([1, 2, 4], np.float32)
    np.testing.assert_array_equal(_dequantised([numbers, scales], 0, 0), numbers * scales[:, None])
    blocks = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    zeros = np.array([[0, 1], [2, 3], [4, 5]], np.int8)
    spread = [0, 0, 0, 1, 1]
    expected = (numbers - zeros[:, spread].astype(np.float32)) * blocks[:, spread]
    np.testing.assert_array_equal(_dequantised([numbers, blocks, zeros], 1, 3), expected)
