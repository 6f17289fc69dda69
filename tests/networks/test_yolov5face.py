from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("h5py")
pytest.importorskip("onnx")

from recognition.engine.networks.deploy import _Plan, deployed  # noqa: E402
from recognition.engine.networks.yolov5face import CONFIGS, YoloConfig, yolov5face  # noqa: E402
from recognition.engine.networks.yolov5face_weights import load_yolov5face  # noqa: E402
from recognition.engine.types import ModelFileError  # noqa: E402
from tests.networks.onnx_writer import parameters, write_onnx  # noqa: E402
from tests.networks.randomly import randomised  # noqa: E402

SMALL = CONFIGS["yolov5n-0.5-face"]
PICTURE = np.random.default_rng(3).uniform(0, 1, (1, 96, 96, 3)).astype(np.float32)


@pytest.fixture(scope="module", params=["yolov5n-0.5-face", "yolov5s-face"])
def model(request: pytest.FixtureRequest) -> keras.Model:
    return randomised(yolov5face(CONFIGS[request.param]))


def outputs(model: keras.Model, x: np.ndarray = PICTURE) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(head) for head in model(x, training=False)]


def same(found: keras.Model, expected: keras.Model) -> None:
    for ours, theirs in zip(outputs(found), outputs(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-4 * max(1, float(np.abs(theirs).max())))


@pytest.mark.parametrize(
    ("name", "millions"), [("yolov5n-0.5-face", 0.457), ("yolov5n-face", 1.746), ("yolov5s-face", 7.094)]
)
def test_sizes_of_the_family(name: str, millions: float) -> None:
    """Published: 0.447, 1.726 and 7.075 million, without the statistics of the batch normalisation."""
    assert yolov5face(CONFIGS[name]).count_params() / 1e6 == pytest.approx(millions, abs=0.001)


def test_heads_of_any_size() -> None:
    model = yolov5face(SMALL)
    shapes = [head.shape for head in outputs(model, np.zeros((2, 64, 96, 3), np.float32))]
    assert shapes == [(2, 8, 12, 48), (2, 4, 6, 48), (2, 2, 3, 48)]


@pytest.mark.parametrize("named", [True, False], ids=["named", "anonymous"])
@pytest.mark.parametrize("folded", [True, False], ids=["folded", "unfolded"])
def test_onnx(model: keras.Model, tmp_path: Path, named: bool, folded: bool) -> None:
    path = tmp_path / "face.onnx"
    write_onnx(path, model, folded=folded, named=named)
    found, config = load_yolov5face(path)
    assert config.folded is folded
    same(found, model)


def test_npz(model: keras.Model, tmp_path: Path) -> None:
    np.savez(tmp_path / "face.npz", **parameters(model))
    same(load_yolov5face(tmp_path / "face.npz")[0], model)


def test_keras_h5(model: keras.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "face.h5")
    same(load_yolov5face(tmp_path / "face.h5")[0], model)


def test_keras_h5_with_other_names(tmp_path: Path) -> None:
    model = randomised(yolov5face(SMALL))
    config = model.get_config()
    renamed = keras.models.clone_model(model, clone_function=lambda layer: _renamed(layer, config))
    renamed.set_weights(model.get_weights())
    renamed.save(tmp_path / "face.h5")
    same(load_yolov5face(tmp_path / "face.h5")[0], model)


def _renamed(layer: keras.layers.Layer, config: dict[str, object]) -> keras.layers.Layer:
    return type(layer).from_config({**layer.get_config(), "name": f"x{abs(hash(layer.name)) % 10**9}"})


def test_a_missing_parameter_is_an_error(tmp_path: Path) -> None:
    arrays = parameters(yolov5face(SMALL))
    del arrays["model_14_cv1_conv_weight"]
    np.savez(tmp_path / "face.npz", **arrays)
    with pytest.raises(ModelFileError, match="convolutions"):
        load_yolov5face(tmp_path / "face.npz")


@pytest.mark.parametrize("name", ["face.onnx", "face.npz", "face.h5", "face.bin"])
def test_files_that_are_something_else(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nothing of the kind" * 10)
    with pytest.raises(ModelFileError, match=r"face\."):
        load_yolov5face(tmp_path / name)


@pytest.mark.parametrize("config", [SMALL, replace(SMALL, folded=True), CONFIGS["yolov5s-face"]])
def test_deployed_is_the_same_function(config: YoloConfig) -> None:
    model = randomised(yolov5face(config))
    found = deployed(model, config, 96)
    same(found, model)
    kinds = {type(layer).__name__ for layer in found.layers}
    assert not kinds & {"BatchNormalization", "ChannelShuffle", "Half"}


@pytest.mark.parametrize(("half", "repeats"), [(8, 1), (8, 3), (32, 7), (64, 3)])
def test_plan_takes_every_channel_once(half: int, repeats: int) -> None:
    plan = _Plan(half, repeats)
    taken = []
    for step in range(repeats + 1):
        pieces = plan.pieces(step)
        sizes = sum(stop - start for _, start, stop in pieces)
        assert sizes == (half if step < repeats else 2 * half)
        for source, start, stop in pieces:
            assert len(plan.places(step, source)) == stop - start
            taken += [(source, int(channel)) for channel in plan.order(source)[start:stop]]
    assert sorted(taken) == [(s, c) for s in range(repeats + 2) for c in range(half)]
