"""LiteRT files that are written here, without TensorFlow or Keras, compute what the networks compute."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from recognition.engine.networks.convert import convert
from recognition.engine.networks.ghostfacenet import GhostFaceNetConfig, ghostfacenet_graph
from recognition.engine.networks.ghostfacenet_weights import read_ghostfacenet
from recognition.engine.networks.graphs import Node
from recognition.engine.networks.half import halved_h5
from recognition.engine.networks.litert_export import to_litert
from recognition.engine.networks.litert_writer import HALF_FROM, Tensor, Writer
from recognition.engine.runtimes.litert import InterpreterPool
from recognition.engine.types import EngineError, ModelFileError
from recognition.engine.weights import Manifest
from tests.networks.pairs import DATA, MODELS, pairs, scaled

OFFICIAL, SMALL = "ghostfacenet_v1_w0.5_s2_bias", "ghostfacenet_v1_w0.1_s1_relu"
RANDOM = np.random.default_rng(0)


def served(content: bytes, folder: Path, *inputs: np.ndarray) -> list[np.ndarray]:
    path = folder / "written.tflite"
    path.write_bytes(content)
    return InterpreterPool(path).run(*inputs)


@pytest.mark.parametrize(("name", "dimensions"), [(OFFICIAL, 512), (SMALL, 64)])
def test_ghostfacenet_of_any_width_stride_and_activation(tmp_path: Path, name: str, dimensions: int) -> None:
    """Against outputs that Keras gave; one file is of Keras 2 with PReLU and stride 2, one of Keras 3 with ReLU."""
    (converted,) = convert(DATA / f"{name}.h5")
    y = pairs(name)["y"]
    x = scaled(pairs(OFFICIAL)["x"][: len(y)])
    (found,) = served(converted.content, tmp_path, x)
    np.testing.assert_allclose(found, y, atol=1e-4)
    one_by_one = np.concatenate([served(converted.content, tmp_path, one[None])[0] for one in x])
    np.testing.assert_allclose(one_by_one, y, atol=1e-4)
    assert converted.kind == "embedder"
    assert (converted.output["dimensions"], converted.output["normalised"]) == (dimensions, False)
    assert converted.input["scaling"] == "(x - 127.5) / 128"


def test_neither_keras_nor_tensorflow_is_loaded() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('keras', 'tensorflow', 'onnx', 'torch')))\n"
        "from pathlib import Path\n"
        "from recognition.engine.networks.convert import convert\n"
        f"(made,) = convert(Path({str(DATA / OFFICIAL)!r} + '.h5'))\n"
        "print(made.kind)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180)
    assert (done.stdout, done.stderr) == ("embedder\n", "")


class TestRefused:
    def of(self, tmp_path: Path, change: Any) -> None:
        path = tmp_path / "model.h5"
        path.write_bytes((DATA / f"{OFFICIAL}.h5").read_bytes())
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(ModelFileError, match=r"model\.h5 (is not a GhostFaceNetV1|cannot be converted)"):
            convert(path, "embedder")

    def test_without_configuration(self, tmp_path: Path) -> None:
        def change(file: h5py.File) -> None:
            del file.attrs["model_config"]

        self.of(tmp_path, change)

    @pytest.mark.parametrize(
        ("there", "instead"),
        [
            ('"kernel_size": [5, 5]', '"kernel_size": [3, 3]'),
            ('"padding": "same"', '"padding": "valid"'),
            ('"class_name": "PReLU"', '"class_name": "ReLU"'),
            ('"filters": 36', '"filters": 40'),
        ],
    )
    def test_another_architecture(self, tmp_path: Path, there: str, instead: str) -> None:
        def change(file: h5py.File) -> None:
            config = file.attrs["model_config"]
            assert there in config
            file.attrs["model_config"] = config.replace(there, instead, 1)

        self.of(tmp_path, change)

    @pytest.mark.parametrize("shape", [(1, 1, 255, 512), (1, 1, 256, 500), (256, 512)])
    def test_a_kernel_of_another_shape(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        def change(file: h5py.File) -> None:
            group = file["model_weights"]["GDC_conv"]["GDC_conv"]
            del group["kernel:0"]
            group["kernel:0"] = np.zeros(shape, np.float32)

        self.of(tmp_path, change)

    def test_a_normalisation_of_another_size(self, tmp_path: Path) -> None:
        def change(file: h5py.File) -> None:
            group = file["model_weights"]["GDC_batchnorm"]["GDC_batchnorm"]
            del group["gamma:0"]
            group["gamma:0"] = np.ones(1, np.float32)

        self.of(tmp_path, change)

    def test_a_missing_bias(self, tmp_path: Path) -> None:
        def change(file: h5py.File) -> None:
            group = file["model_weights"]["GDC_conv"]
            group.attrs["weight_names"] = group.attrs["weight_names"][:1]

        self.of(tmp_path, change)


def test_what_needs_keras_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    for module in [name for name in sys.modules if name.startswith("recognition.engine.networks.")]:
        monkeypatch.delitem(sys.modules, module)  # those that have loaded Keras already
    for name in ("face.npz", "face.keras", "face.h5", "face.onnx"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(EngineError, match=rf"{name}.*requirements-train\.txt"):
            convert(tmp_path / name)


@pytest.mark.models
class TestBundled:
    def test_the_embedder_is_what_the_weights_beside_it_give(self) -> None:
        """Byte for byte, so that anybody can make it again."""
        manifest = Manifest.load(MODELS)
        spec = manifest.default("embedder")
        (converted,) = convert(manifest.weights_path(spec), half=True)
        assert converted.content == manifest.path(spec).read_bytes()

    @pytest.mark.parametrize("spec", Manifest.load(MODELS).specs, ids=lambda spec: spec.name)
    def test_the_fast_kernels_run_all_of_it(self, spec: Any) -> None:
        """XNNPACK takes the whole network as one operation, from the input to the outputs."""
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(MODELS / spec.file), num_threads=1)
        taken = interpreter.get_input_details()[0]["index"]
        interpreter.resize_tensor_input(taken, spec.input["shape"])
        interpreter.allocate_tensors()
        *_, delegate = interpreter._get_ops_details()
        assert delegate["op_name"] == "DELEGATE"
        assert taken in delegate["inputs"]
        assert set(delegate["outputs"]) == {o["index"] for o in interpreter.get_output_details()}

    def test_weights_that_are_in_half_precision_already_stay_as_they_are(self) -> None:
        manifest = Manifest.load(MODELS)
        path = manifest.weights_path(manifest.default("embedder"))
        assert halved_h5(path) == path.read_bytes()


class TestHalfPrecision:
    def test_large_arrays_lose_half_of_their_bytes_and_small_ones_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "half.h5"
        path.write_bytes(halved_h5(DATA / f"{OFFICIAL}.h5"))
        whole, half = read_ghostfacenet(DATA / f"{OFFICIAL}.h5"), read_ghostfacenet(path)
        assert [node.settings for node in half] == [node.settings for node in whole]
        sizes = set()
        for ours, theirs in zip(half, whole, strict=True):
            for array, expected in zip(ours.weights, theirs.weights, strict=True):
                large = expected.size >= HALF_FROM
                sizes.add(large)
                rounded = expected.astype(np.float16).astype(np.float32) if large else expected
                np.testing.assert_array_equal(array, rounded)
        assert sizes == {True, False}

    def test_outputs_stay(self, tmp_path: Path) -> None:
        whole, half = (convert(DATA / f"{OFFICIAL}.h5", half=half)[0].content for half in (False, True))
        assert len(half) < 0.85 * len(whole)
        x = scaled(pairs(OFFICIAL)["x"])
        (found,), (expected,) = served(half, tmp_path, x), served(whole, tmp_path, x)
        cosines = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
        assert 0.9999 < cosines.min() < 1 - 1e-9


def written(tmp_path: Path, x: np.ndarray, build: Any) -> np.ndarray:
    writer = Writer()
    return served(writer.finish([build(writer, writer.input((1, *x.shape[1:])))]), tmp_path, x)[0]


class TestOperations:
    """Those that the stored networks leave unproved."""

    x = RANDOM.normal(size=(2, 4, 6, 3)).astype(np.float32)

    def test_doubled_takes_pictures_of_any_size(self, tmp_path: Path) -> None:
        writer = Writer()
        content = writer.finish([writer.doubled(writer.input((1, 2, 2, 3)))])
        (found,) = served(content, tmp_path, self.x)
        np.testing.assert_array_equal(found, self.x.repeat(2, 1).repeat(2, 2))

    def test_a_convolution_with_a_stride_pads_as_keras_does(self, tmp_path: Path) -> None:
        """At the bottom and to the right where it is uneven."""
        kernel, bias = np.ones((3, 3, 3, 1), np.float32), np.array([0.5], np.float32)
        found = written(tmp_path, self.x, lambda w, x: w.conv(x, kernel, bias, 2, "same"))
        padded = np.pad(self.x.sum(3), ((0, 0), (0, 1), (0, 1)))
        expected = [[padded[:, r : r + 3, c : c + 3].sum((1, 2)) for c in (0, 2, 4)] for r in (0, 2)]
        np.testing.assert_allclose(found[..., 0], np.array(expected).transpose(2, 0, 1) + 0.5, atol=1e-5)

    def test_reshape_for_more_than_one_input(self, tmp_path: Path) -> None:
        found = written(tmp_path, self.x, lambda w, x: w.reshape(x, (72,)))
        np.testing.assert_array_equal(found, self.x.reshape(2, 72))

    def test_channels_and_padding(self, tmp_path: Path) -> None:
        found = written(tmp_path, self.x, lambda w, x: w.pad(w.channels(x, 1, 3), (1, 0), (0, 2)))
        np.testing.assert_array_equal(found, np.pad(self.x[..., 1:], ((0, 0), (1, 0), (0, 2), (0, 0))))

    @pytest.mark.parametrize(
        "build",
        [
            lambda w, x: w.conv(x, np.zeros((1, 1, 4, 2)), np.zeros(2), 1, "same"),
            lambda w, x: w.conv(x, np.zeros((1, 1, 3, 2)), np.zeros(3), 1, "same"),
            lambda w, x: w.depthwise(x, np.zeros((3, 3, 4, 1)), np.zeros(4), 1, "same"),
            lambda w, x: w.dense(x, np.zeros((3, 2)), np.zeros(2)),
            lambda w, x: w.prelu(x, np.zeros(2)),
            lambda w, x: w.add(x, np.zeros(4)),
            lambda w, x: w.concatenate([x, Tensor((1, 4, 5, 3))]),
            lambda w, x: w.reshape(x, (7,)),
        ],
    )
    def test_what_does_not_fit(self, build: Any) -> None:
        writer = Writer()
        with pytest.raises(ValueError, match=r"\d"):
            build(writer, writer.input((1, 4, 6, 3)))


class TestLayers:
    def test_a_layer_or_a_setting_that_is_not_known(self) -> None:
        graph = ghostfacenet_graph(GhostFaceNetConfig(0.1))
        start, conv = graph[0], replace(graph[1], weights=(np.zeros((3, 3, 3, 4), np.float32),))
        assert to_litert([start, conv], (1, 112, 112, 3))
        for settings in ({"dilation_rate": (2, 2)}, {"activation": "relu"}, {"strides": (1, 2)}):
            other = replace(conv, settings={**conv.settings, **settings})
            with pytest.raises(ValueError, match="not known"):
                to_litert([start, other], (1, 112, 112, 3))
        with pytest.raises(ValueError, match="LSTM"):
            to_litert([start, Node("x", "LSTM", (start.name,))], (1, 112, 112, 3))

    def test_a_normalisation_after_something_that_is_used_elsewhere_stays_on_its_own(
        self, tmp_path: Path
    ) -> None:
        """Folding it into the convolution would change what the other user gets."""
        kernel = RANDOM.normal(size=(1, 1, 3, 3)).astype(np.float32)
        norm = tuple(RANDOM.uniform(0.5, 1.5, (4, 3)).astype(np.float32))
        window = {"strides": (1, 1), "padding": "same"}
        nodes = [
            Node("in", "InputLayer"),
            Node("conv", "Conv2D", ("in",), window, (kernel,)),
            Node("norm", "BatchNormalization", ("conv",), {"epsilon": 1e-3}, norm),
            Node("add", "Add", ("norm", "conv")),
        ]
        x = RANDOM.normal(size=(1, 4, 4, 3)).astype(np.float32)
        (found,) = served(to_litert(nodes, x.shape), tmp_path, x)
        convolved = x @ kernel[0, 0]
        gamma, beta, mean, variance = norm
        expected = convolved + (convolved - mean) / np.sqrt(variance + 1e-3) * gamma + beta
        np.testing.assert_allclose(found, expected, atol=1e-5)
