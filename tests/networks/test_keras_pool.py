"""What a GPU worker computes is what LiteRT computes, shown with TensorFlow on the CPU."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")
pytest.importorskip("h5py")

from recognition.engine import packaged  # noqa: E402
from recognition.engine.detector import Detector  # noqa: E402
from recognition.engine.embedder import Embedder  # noqa: E402
from recognition.engine.finder import Finder  # noqa: E402
from recognition.engine.inspector import Inspector  # noqa: E402
from recognition.engine.networks.convert import convert  # noqa: E402
from recognition.engine.networks.refiner import face_refiner  # noqa: E402
from recognition.engine.networks.yolov5face import yolov5face  # noqa: E402
from recognition.engine.refiner import Refiner  # noqa: E402
from recognition.engine.runtimes import accelerator, keras_pool  # noqa: E402
from recognition.engine.runtimes.accelerator import Device  # noqa: E402
from recognition.engine.runtimes.keras_pool import KerasPool, open_keras_pool  # noqa: E402
from recognition.engine.runtimes.pools import open_pool, run_all, takes_batches  # noqa: E402
from recognition.engine.types import ModelSpec  # noqa: E402
from recognition.engine.views import letterbox  # noqa: E402
from recognition.engine.weights import Manifest  # noqa: E402
from tests.networks.onnx_writer import parameters  # noqa: E402
from tests.networks.pairs import DATA, MODELS, pairs, scaled  # noqa: E402
from tests.networks.randomly import randomised  # noqa: E402

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="pools need TensorFlow")

EMBEDDER = DATA / "ghostfacenet_v1_w0.5_s2_bias.h5"


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow's CPU in the place of a GPU."""
    monkeypatch.setattr(keras_pool, "_device", None)
    monkeypatch.setattr(accelerator, "find_device", lambda: Device("/CPU:0", "TensorFlow on the CPU"))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A real embedder, a random detector and a random refiner, converted as an import converts them."""
    folder = tmp_path_factory.mktemp("models")
    np.savez(folder / "finder.npz", **parameters(randomised(yolov5face())))
    randomised(face_refiner()).save(folder / "refiner.keras")
    (folder / "embedder.h5").write_bytes(EMBEDDER.read_bytes())
    specs = []
    for source in ("embedder.h5", "finder.npz", "refiner.keras"):
        original = entry((folder / source).read_bytes(), source)
        for made in convert(folder / source):
            name = source.partition(".")[0] + made.suffix
            (folder / f"{name}.tflite").write_bytes(made.content)
            served = entry(made.content, f"{name}.tflite")
            settings = {**made.settings, "min_faceness": None}
            specs.append(
                ModelSpec(
                    name,
                    made.kind,
                    "1",
                    input=made.input,
                    output=made.output,
                    weights=original,
                    settings=settings,
                    **served,
                )
            )
    return Manifest(folder, tuple(specs), {"detector": "finder"})


def entry(content: bytes, file: str) -> dict[str, Any]:
    return {"file": file, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def same(manifest: Manifest, spec: ModelSpec, batch: np.ndarray) -> KerasPool:
    pool = open_keras_pool(manifest, spec)
    assert isinstance(pool, KerasPool)
    batch = np.concatenate([batch, batch]) if len(batch) == 1 else batch
    found, expected = pool.run(batch), run_all(open_pool(manifest, spec), batch)
    assert takes_batches(pool), "it has given up"
    assert pool._compute is not None
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-3)
    return pool


def test_embedder_on_the_stored_pairs(manifest: Manifest) -> None:
    stored = pairs("ghostfacenet_v1_w0.5_s2_bias")
    pool = same(manifest, manifest.spec("embedder"), scaled(stored["x"]))
    np.testing.assert_allclose(pool.run(scaled(stored["x"]))[0], stored["y"], atol=1e-3)


def test_embedders_vectors(manifest: Manifest) -> None:
    crops = list(np.random.default_rng(0).integers(0, 255, (5, 112, 112, 3)).astype(np.uint8))
    found = Embedder.from_manifest(manifest, "embedder", opens=open_keras_pool)
    expected = Embedder.from_manifest(manifest, "embedder")
    assert (found.batches, expected.batches) == (True, False)
    np.testing.assert_allclose(found.embed(crops), expected.embed(crops), atol=1e-4)


@pytest.mark.parametrize("name", packaged.NAMES)
def test_networks_of_a_package_from_their_onnx_files(tmp_path: Path, name: str) -> None:
    model = packaged.find(name)
    (made,) = convert(model.path)
    (tmp_path / "net.tflite").write_bytes(made.content)
    (tmp_path / "net.onnx").write_bytes(model.path.read_bytes())
    served, original = entry(made.content, "net.tflite"), entry(model.path.read_bytes(), "net.onnx")
    spec = dataclasses.replace(model.spec, input=made.input, weights=original, **served)
    faces = pairs("ghostfacenet_v1_w0.5_s2_bias")["x"]
    batch = faces if model.spec.kind == "embedder" else np.stack([letterbox(x, 320)[0] for x in faces])
    same(Manifest(tmp_path, (spec,), {}), spec, batch.astype(np.float32))


@pytest.mark.parametrize("name", ["finder", "finder-640", "refiner"])
def test_random_networks(manifest: Manifest, name: str) -> None:
    spec = manifest.spec(name)
    shape = spec.input["shape"]
    assert isinstance(shape, list)
    batch = np.random.default_rng(1).uniform(0, 1, (3, *shape[1:])).astype(np.float32)
    same(manifest, spec, batch)


@pytest.mark.parametrize("spec", Manifest.load(MODELS).specs, ids=lambda spec: spec.name)
@pytest.mark.models
def test_bundled_networks_on_the_stored_pictures(spec: ModelSpec) -> None:
    if not spec.weights:
        pytest.skip("the manifest names no original weights")
    stored = pairs(spec.name.removesuffix("-640"))["x"]
    if spec.kind == "detector":
        shape = spec.input["shape"]
        assert isinstance(shape, list)
        batch = np.stack([letterbox(x, shape[1])[0] for x in stored]).astype(np.float32) / 255
    else:
        batch = scaled(stored)
    same(Manifest.load(MODELS), spec, batch)


def test_other_weights_than_those_that_were_converted(
    manifest: Manifest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A photo's vector must not depend on the worker."""
    path = manifest.folder / "other.keras"
    randomised(face_refiner(), seed=1).save(path)
    spec = dataclasses.replace(manifest.spec("refiner"), weights=entry(path.read_bytes(), "other.keras"))
    pool = open_keras_pool(manifest, spec)
    batch = np.zeros((2, 64, 64, 3), np.float32)
    np.testing.assert_array_equal(pool.run(batch)[0], run_all(open_pool(manifest, spec), batch)[0])
    assert not takes_batches(pool)
    assert "do not compute the same" in caplog.text


def test_weights_that_are_no_network(manifest: Manifest, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("embedder", "finder", "refiner"):
        path = manifest.folder / f"bad-{manifest.spec(name).weights['file']}"
        path.write_bytes(b"nothing of the kind")
        spec = dataclasses.replace(manifest.spec(name), weights=entry(path.read_bytes(), path.name))
        pool = open_keras_pool(manifest, spec)
        shape = spec.input["shape"]
        assert isinstance(shape, list)
        assert len(pool.run(np.zeros([2, *shape[1:]], np.float32))[0]) == 2
        assert not takes_batches(pool)
        assert path.name in caplog.text


def test_tensorflows_own_word_for_too_little_memory(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, sizes = tf.constant, []

    def constant(value: Any, *more: Any, **how: Any) -> Any:
        """Where a batch goes to the GPU."""
        if np.shape(value)[1:] == (64, 64, 3):
            sizes.append(len(value))
            if len(value) > 2:
                raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return real(value, *more, **how)

    monkeypatch.setattr(tf, "constant", constant)
    stored = scaled(pairs("face-refiner-64")["x"][:7])
    same(manifest, manifest.spec("refiner"), stored)
    assert sizes == [1, 8, 4, 2, 2, 2, 1]


@pytest.mark.models
def test_faces_of_many_pictures_are_those_of_each() -> None:
    """The whole way with the bundled networks, on faces that are large, small and not there."""
    manifest = Manifest.load(MODELS)
    if not all(spec.weights for spec in manifest.specs):
        pytest.skip("the manifest names no original weights")
    picture = pairs("yolov5n-0.5-face")["x"][0].astype(np.uint8)
    pictures = [
        picture,
        np.tile(picture, (3, 3, 1)),
        np.full((90, 120, 3), 99, np.uint8),
        picture[:, ::-1].copy(),
    ]
    many, each = (Detector.from_manifest(manifest, opens=opens) for opens in (open_keras_pool, open_pool))
    refiners = [Refiner.from_manifest(manifest, opens=opens) for opens in (open_keras_pool, open_pool)]
    for together, alone in ((Refiner(None), Refiner(None)), refiners):
        found = Finder(many, together, Inspector(None)).find_many(pictures)
        expected = [Finder(each, alone, Inspector(None)).find(picture) for picture in pictures]
        assert many.batches, "it has given up"
        for ours, theirs in zip(found, expected, strict=True):
            assert len(ours) == len(theirs)
            for one, other in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(one.box, other.box, atol=0.05)
                np.testing.assert_allclose(one.landmarks, other.landmarks, atol=0.05)
    assert sum(map(len, expected)) > 10
