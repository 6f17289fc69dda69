"""The bundled LiteRT files give what the original networks gave, and are what the manifest says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from recognition.engine.detector import decode
from recognition.engine.runtimes.litert import InterpreterPool
from recognition.engine.types import ModelSpec
from recognition.engine.weights import Manifest
from tests.networks.pairs import MODELS, head, pairs, scaled

pytestmark = pytest.mark.models

SPECS = {spec.name: spec for spec in Manifest.load(MODELS).specs}


def pool(name: str) -> InterpreterPool:
    return InterpreterPool(MODELS / SPECS[name].file)


EMBEDDER = Manifest.load(MODELS).default("embedder").name


def assert_same_vectors(found: np.ndarray, stored: np.ndarray) -> None:
    """Raw outputs and directions of the network before its large weights were put into half precision."""
    np.testing.assert_allclose(found, stored, atol=1e-3)
    found, stored = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (found, stored))
    assert (found * stored).sum(axis=1).min() > 0.999999


def test_embedder() -> None:
    stored = pairs(EMBEDDER)
    with pool(EMBEDDER).lease() as runner:
        found = np.concatenate([runner.run(scaled(x[None]))[0] for x in stored["x"]])
    assert_same_vectors(found, stored["y"])


def test_embedder_takes_a_batch() -> None:
    stored = pairs(EMBEDDER)
    (found,) = pool(EMBEDDER).run(scaled(stored["x"]))
    assert_same_vectors(found, stored["y"])


@pytest.mark.parametrize("name", ["face-refiner-64", "face-inspector-56"])
def test_refiner_and_inspector(name: str) -> None:
    stored = pairs(name)
    with pool(name).lease() as runner:
        found = np.concatenate([runner.run(scaled(x[None]))[0] for x in stored["x"]])
    np.testing.assert_allclose(found, stored["y"], atol=1e-3)


def test_detector_heads() -> None:
    stored = pairs("yolov5n-0.5-face")
    outputs = pool("yolov5n-0.5-face").run(stored["x"].astype(np.float32) / 255)
    by_side = {output.shape[1]: output for output in outputs}
    for number, side in enumerate((40, 20, 10)):
        np.testing.assert_allclose(by_side[side], head(stored[f"raw{number}"]), atol=1e-3)


def test_decoding_gives_the_stored_boxes() -> None:
    """The numpy decoder on the bundled network against the original's decoded rows: x, y, w, h, objectness ..."""
    stored = pairs("yolov5n-0.5-face")
    rows = decode(pool("yolov5n-0.5-face").run(stored["x"].astype(np.float32) / 255), 320, 0.3)
    original = stored["decoded"][0]
    score = original[:, 4] * original[:, 15]
    original = original[score > 0.3][np.argsort(-score[score > 0.3], kind="stable")]
    assert len(rows) == len(original) >= 5
    centre, size = original[:, :2], original[:, 2:4]
    np.testing.assert_allclose(rows[:, :4], np.hstack([centre - size / 2, centre + size / 2]), atol=1e-2)
    np.testing.assert_allclose(rows[:, 5:], original[:, 5:15], atol=1e-2)


def test_large_detector_sees_what_the_small_one_sees() -> None:
    """The same faces twice as large in the larger input."""
    picture = pairs("yolov5n-0.5-face")["x"]
    small = decode(pool("yolov5n-0.5-face").run(picture.astype(np.float32) / 255), 320, 0.5)
    double = picture.repeat(2, 1).repeat(2, 2).astype(np.float32) / 255
    large = decode(pool("yolov5n-0.5-face-640").run(double), 640, 0.5)
    for row in small:
        assert np.abs(large[:, :4] / 2 - row[:4]).max(axis=1).min() < 6


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_manifest_tells_the_truth(spec: ModelSpec) -> None:
    Manifest.load(MODELS).path(spec)  # size and digest
    shape = spec.input["shape"]
    assert isinstance(shape, list)
    outputs = InterpreterPool(MODELS / spec.file).run(np.zeros(shape, np.float32))
    if spec.kind == "detector":
        side = shape[1]
        assert sorted(o.shape for o in outputs) == [(1, side // s, side // s, 48) for s in (32, 16, 8)]
    else:
        assert [list(o.shape) for o in outputs] == [spec.output["shape"]]


def test_a_model_card_for_each_model() -> None:
    cards = (MODELS / "README.md").read_text(encoding="utf-8")
    for entry in json.loads((MODELS / "manifest.json").read_text(encoding="utf-8"))["models"]:
        assert f"`{entry['file']}`" in cards
        assert entry["licence"]
        assert entry["source"]
