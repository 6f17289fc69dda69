from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")
h5py = pytest.importorskip("h5py")

from recognition.engine.networks.ghostfacenet import GhostFaceNetConfig, channels, ghostfacenet  # noqa: E402
from recognition.engine.networks.ghostfacenet_weights import load_ghostfacenet  # noqa: E402
from recognition.engine.networks.keras_models import HardSigmoid  # noqa: E402
from recognition.engine.types import ModelFileError  # noqa: E402
from tests.networks.pairs import DATA, pairs, scaled  # noqa: E402
from tests.networks.randomly import randomised  # noqa: E402

OFFICIAL = DATA / "ghostfacenet_v1_w0.5_s2_bias.h5"


def output(model: keras.Model, x: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(x, training=False))


def test_official_layout_gives_the_stored_outputs() -> None:
    stored = pairs("ghostfacenet_v1_w0.5_s2_bias")
    model = load_ghostfacenet(OFFICIAL)
    np.testing.assert_allclose(output(model, scaled(stored["x"])), stored["y"], atol=1e-4)


def test_what_the_file_says_is_taken_from_it() -> None:
    model = load_ghostfacenet(OFFICIAL)
    assert model.get_layer("GDC_conv").use_bias
    assert model.get_layer("pre_embedding").epsilon == pytest.approx(1e-4)


def test_hard_sigmoid_is_that_of_keras_2() -> None:
    x = np.array([-3.0, -2.5, -1.0, 0.0, 1.0, 2.5, 3.0], np.float32)
    found = keras.ops.convert_to_numpy(HardSigmoid()(x))
    np.testing.assert_allclose(found, [0, 0, 0.3, 0.5, 0.7, 1, 1], atol=1e-6)


def test_bundled_size() -> None:
    assert ghostfacenet(GhostFaceNetConfig(1.3, 2)).count_params() == 4_066_388


@pytest.mark.parametrize(("value", "expected"), [(16 * 1.3, 20), (24 * 1.3, 32), (8, 8), (1, 4), (18, 20)])
def test_channels(value: float, expected: int) -> None:
    assert channels(value) == expected


@pytest.mark.parametrize("activation", ["prelu", "relu"])
@pytest.mark.parametrize(("width", "stride", "bias"), [(0.25, 1, False), (0.35, 2, True)])
def test_any_width_stride_and_activation_comes_back_from_a_file(
    tmp_path: Path, width: float, stride: int, bias: bool, activation: str
) -> None:
    config = GhostFaceNetConfig(width, stride, activation, 64, bn_epsilon=2e-4, head_bias=bias)
    model = randomised(ghostfacenet(config))
    path = tmp_path / "model.h5"
    model.save(path)
    x = np.random.default_rng(1).normal(0, 0.5, (2, 112, 112, 3)).astype(np.float32)
    np.testing.assert_allclose(output(load_ghostfacenet(path), x), output(model, x), atol=1e-5)


def test_every_activation_is_prelu_also_in_squeeze_and_excite() -> None:
    model = ghostfacenet(GhostFaceNetConfig(0.25))
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("PReLU") == 41
    assert kinds.count("ReLU") == 0
    squeezed = [
        layer for layer in model.layers if type(layer).__name__ == "PReLU" and layer.output.shape[1] == 1
    ]
    assert len(squeezed) == 7


def test_layer_names_do_not_matter(tmp_path: Path) -> None:
    """Ours are named otherwise than the official ones; a file of ours must load like one of theirs."""
    model = load_ghostfacenet(OFFICIAL)
    path = tmp_path / "model.h5"
    model.save(path)
    with h5py.File(OFFICIAL) as theirs, h5py.File(path) as ours:
        assert set(theirs["model_weights"]) != set(ours["model_weights"])
    stored = pairs("ghostfacenet_v1_w0.5_s2_bias")
    np.testing.assert_allclose(output(load_ghostfacenet(path), scaled(stored["x"])), stored["y"], atol=1e-4)


def damaged(path: Path, how: str) -> None:
    if how == "cut short":
        path.write_bytes(OFFICIAL.read_bytes()[:100_000])
        return
    if how == "text":
        path.write_text("not HDF5")
        return
    shutil.copy(OFFICIAL, path)
    with h5py.File(path, "r+") as file:
        if how == "without configuration":
            del file.attrs["model_config"]
        elif how == "without a layer's weights":
            del file["model_weights"]["GDC_conv"]["GDC_conv"]["kernel:0"]
        elif how == "another kernel":
            config = file.attrs["model_config"]
            file.attrs["model_config"] = config.replace('"kernel_size": [5, 5]', '"kernel_size": [3, 3]')


@pytest.mark.parametrize(
    "how", ["cut short", "text", "without configuration", "without a layer's weights", "another kernel"]
)
def test_damaged_files_are_refused(tmp_path: Path, how: str) -> None:
    path = tmp_path / "model.h5"
    damaged(path, how)
    with pytest.raises(ModelFileError, match="GhostFaceNetV1"):
        load_ghostfacenet(path)


def test_another_network_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((112, 112, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3)(inputs))
    keras.Model(inputs, keras.layers.Dense(512)(x)).save(tmp_path / "model.h5")
    with pytest.raises(ModelFileError):
        load_ghostfacenet(tmp_path / "model.h5")
