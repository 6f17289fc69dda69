"""Batches for a GPU, without TensorFlow: the network is a function of the test's own."""

from __future__ import annotations

import hashlib
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recognition.engine.embedder import Embedder
from recognition.engine.runtimes import accelerator, keras_pool
from recognition.engine.runtimes.accelerator import Device
from recognition.engine.runtimes.keras_pool import KerasPool, OutOfMemory, open_keras_pool
from recognition.engine.runtimes.pools import run_all, takes_batches
from recognition.engine.types import Floats, ModelSpec
from recognition.engine.weights import Manifest
from tests.engine.test_embedder import FakePool, crop

SPEC = ModelSpec("net", "embedder", "1", "net.tflite", "0" * 64, 7, {"shape": [1, 112, 112, 3]})
WEIGHTS = Path("net.h5")


def halves(batch: Floats) -> list[Floats]:
    """What `FakePool` computes, for any number of crops."""
    axes = (1, 2, 3)
    left, right = batch[:, :, :56].mean(axes), batch[:, :, 56:].mean(axes)
    return [np.stack([left, right, np.ones(len(batch))], axis=1).astype(np.float32)]


class Network:
    """Counts its runs. memory: how many inputs fit."""

    def __init__(self, memory: int = 10**6, compute: Any = halves, error: Exception | None = None) -> None:
        self.memory, self.compute, self.error = memory, compute, error
        self.sizes: list[int] = []
        self.built = 0

    def build(self, spec: ModelSpec, weights: Path, place: str) -> Any:
        self.built += 1
        return self.run

    def run(self, batch: Floats) -> list[Floats]:
        if self.error and self.sizes:
            raise self.error
        self.sizes.append(len(batch))
        if len(batch) > self.memory:
            raise OutOfMemory("out of memory")
        outputs: list[Floats] = self.compute(batch)
        return outputs


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_pool, "_device", Device("/CPU:0", "no real GPU"))


def pool_of(network: Network) -> tuple[KerasPool, FakePool]:
    reserve = FakePool()
    return KerasPool(SPEC, WEIGHTS, reserve, build=network.build), reserve  # type: ignore[arg-type]


def crops(count: int) -> Floats:
    return np.random.default_rng(count).uniform(0, 1, (count, 112, 112, 3)).astype(np.float32)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("count", "sizes"), [(2, [2]), (5, [8]), (64, [64]), (65, [64, 1]), (150, [64, 64, 32])]
)
def test_many_go_in_few_runs_of_few_sizes(count: int, sizes: list[int]) -> None:
    network = Network()
    pool, reserve = pool_of(network)
    batch = crops(count)
    (found,) = pool.run(batch)
    assert network.sizes == [1, *sizes]  # the first is compared with LiteRT
    assert reserve.runs == 1
    np.testing.assert_allclose(found, halves(batch)[0], atol=1e-6)
    pool.run(batch)
    assert network.built == 1
    assert reserve.runs == 1


def test_large_pictures_go_in_smaller_batches() -> None:
    network = Network(compute=lambda batch: [batch.mean((1, 2, 3))[:, None]])
    pool, reserve = pool_of(network)
    reserve.run = network.compute  # type: ignore[method-assign]
    pool.run(np.ones((40, 640, 640, 3), np.float32))
    assert network.sizes == [1, 16, 16, 8]


def test_a_single_input_is_not_worth_the_gpu() -> None:
    network = Network()
    pool, reserve = pool_of(network)
    np.testing.assert_allclose(pool.run(crops(1))[0], halves(crops(1))[0], atol=1e-6)
    assert (network.built, reserve.runs) == (0, 1)
    assert takes_batches(pool)


def test_no_inputs_at_all() -> None:
    pool, _ = pool_of(Network())
    assert Embedder(pool, dimensions=3).embed([]).shape == (0, 3)


def test_a_small_memory_makes_small_batches_which_stay_small(caplog: pytest.LogCaptureFixture) -> None:
    network = Network(memory=16)
    pool, reserve = pool_of(network)
    batch = crops(40)
    (found,) = pool.run(batch)
    np.testing.assert_allclose(found, halves(batch)[0], atol=1e-6)
    assert network.sizes == [1, 64, 32, 16, 16, 8]
    pool.run(batch)
    assert network.sizes[6:] == [16, 16, 8]
    assert reserve.runs == 1
    assert takes_batches(pool)
    assert warnings(caplog) == []


def test_a_memory_that_holds_nothing_leaves_the_work_to_litert(caplog: pytest.LogCaptureFixture) -> None:
    network = Network()
    pool, reserve = pool_of(network)
    pool.run(crops(2))
    network.memory = 0
    batch = crops(3)
    for _ in range(2):
        np.testing.assert_allclose(pool.run(batch)[0], halves(batch)[0], atol=1e-6)
    assert reserve.runs == 1 + 2 * 3
    assert network.sizes == [1, 2, 4, 2, 1]
    assert not takes_batches(pool)
    (message,) = warnings(caplog)
    assert "out of memory" in message


def test_a_gpu_that_fails_leaves_the_work_to_litert(caplog: pytest.LogCaptureFixture) -> None:
    network = Network(error=RuntimeError("CUDA_ERROR_LAUNCH_FAILED\nmore"))
    pool, _ = pool_of(network)
    batch = crops(2)
    for _ in range(2):
        np.testing.assert_allclose(pool.run(batch)[0], halves(batch)[0], atol=1e-6)
    assert warnings(caplog) == [
        "net runs on the CPU from now on: RuntimeError: CUDA_ERROR_LAUNCH_FAILED more"
    ]


@pytest.mark.parametrize("wrong", [lambda b: [halves(b)[0] + 0.01], lambda b: [halves(b)[0][:, :2]]])
def test_a_network_that_computes_something_else_is_not_used(
    wrong: Any, caplog: pytest.LogCaptureFixture
) -> None:
    pool, _ = pool_of(Network(compute=wrong))
    batch = crops(2)
    np.testing.assert_allclose(pool.run(batch)[0], halves(batch)[0], atol=1e-6)
    (message,) = warnings(caplog)
    assert "net.tflite" in message


def test_outputs_come_in_the_order_of_the_converted_file() -> None:
    def both(batch: Floats) -> list[Floats]:
        return [*halves(batch), halves(batch)[0][:, :1]]

    pool, reserve = pool_of(Network(compute=both))
    reserve.run = lambda batch: both(batch)[::-1]  # type: ignore[method-assign]
    assert [output.shape for output in pool.run(crops(4))] == [(4, 1), (4, 3)]


def test_an_embedder_gives_it_all_crops_and_all_mirrored_ones() -> None:
    network = Network()
    pool, _ = pool_of(network)
    pictures = [crop(20, 200), crop(90, 30), crop(5, 5)]
    embedder = Embedder(pool, dimensions=3, mirrored=True)
    found = embedder.embed(pictures)
    assert network.sizes == [1, 4, 4]
    assert embedder.batches
    plain = Embedder(FakePool(), dimensions=3, mirrored=True)  # type: ignore[arg-type]
    assert not plain.batches
    np.testing.assert_allclose(found, plain.embed(pictures), atol=1e-6)


def test_other_pools_get_one_input_after_the_other() -> None:
    reserve = FakePool()
    batch = crops(3)
    np.testing.assert_allclose(run_all(reserve, batch)[0], halves(batch)[0], atol=1e-6)  # type: ignore[arg-type]
    assert reserve.runs == 3


class TestDevice:
    @pytest.fixture(autouse=True)
    def not_asked_yet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(keras_pool, "_device", None)

    def test_without_tensorflow_it_is_said_once(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setitem(sys.modules, "tensorflow", None)
        batch = crops(2)
        for _ in range(2):
            network = Network()
            pool, reserve = pool_of(network)
            np.testing.assert_allclose(pool.run(batch)[0], halves(batch)[0], atol=1e-6)
            assert not takes_batches(pool)
            assert (network.built, reserve.runs) == (0, 2)
        (message,) = warnings(caplog)
        assert "TensorFlow is not installed" in message
        assert "pip install -r requirements.txt" in message

    def test_without_a_gpu_it_says_why(self) -> None:
        pytest.importorskip("tensorflow", reason="asks TensorFlow")
        device = accelerator.find_device()
        if device:
            pytest.skip("there is a GPU")
        assert "CUDA" in device.summary or "nvidia-smi" in device.summary


def manifest_of(folder: Path, **entry: Any) -> Manifest:

    (folder / "net.tflite").write_bytes(b"network")
    (folder / "net.h5").write_bytes(b"weights")
    digest = hashlib.sha256(b"network").hexdigest()
    spec = ModelSpec("net", "embedder", "1", "net.tflite", digest, 7, **entry)
    return Manifest(folder, (spec,), {})


class TestOpening:
    def test_weights_that_are_there(self, tmp_path: Path) -> None:

        digest = hashlib.sha256(b"weights").hexdigest()
        manifest = manifest_of(tmp_path, weights={"file": "net.h5", "sha256": digest, "size": 7})
        assert isinstance(open_keras_pool(manifest, manifest.spec("net")), KerasPool)

    @pytest.mark.parametrize(
        "weights",
        [
            {},
            {"file": "net.h5", "sha256": "0" * 64, "size": 7},
            {"file": "none.h5", "sha256": "0" * 64, "size": 7},
        ],
    )
    def test_weights_that_are_not(
        self, tmp_path: Path, weights: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        manifest = manifest_of(tmp_path, weights=weights)
        pool = open_keras_pool(manifest, manifest.spec("net"))
        assert not takes_batches(pool)
        assert len(warnings(caplog)) == 1
