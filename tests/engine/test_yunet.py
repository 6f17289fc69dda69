from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recognition.engine.detector import ANCHORS, Detector
from recognition.engine.types import Floats
from recognition.engine.views import View
from recognition.engine.weights import Manifest
from recognition.engine.yunet import STRIDES, YuNet, decode, load_detector

Box = tuple[float, float, float, float]


def landmarks_of(left: float, top: float, right: float, bottom: float) -> Floats:
    middle = ((left + right) / 2, (top + bottom) / 2)
    return np.array([(left, top), (right, top), middle, (left, bottom), (right, bottom)], np.float32)


def outputs_with(boxes: list[Box], side: int, scores: list[float] | None = None) -> list[Floats]:
    """What a network answers that sees these boxes, pixels of the square: the inverse of the decoding."""
    outputs: dict[tuple[str, int], Floats] = {}
    for stride in STRIDES:
        cells = (side // stride) ** 2
        for name, width in (("class", 1), ("face", 1), ("box", 4), ("points", 10)):
            outputs[name, stride] = np.zeros((1, cells, width), np.float32)
    for number, box in enumerate(boxes):
        size = np.array([box[2] - box[0], box[3] - box[1]])
        stride = min(STRIDES, key=lambda s: abs(np.log(size.max() / (4 * s))))
        centre = np.array([box[0] + box[2], box[1] + box[3]]) / 2 / stride
        corner = np.floor(centre)
        cell = int(corner[1]) * (side // stride) + int(corner[0])
        score = 0.81 if scores is None else scores[number]
        outputs["class", stride][0, cell] = score
        outputs["face", stride][0, cell] = 1.0
        outputs["box", stride][0, cell] = [*(centre - corner), *np.log(size / stride)]
        outputs["points", stride][0, cell] = (landmarks_of(*box) / stride - corner).reshape(-1)
    return list(outputs.values())


class FakePool:
    def __init__(self, *boxes: Box) -> None:
        self.boxes = list(boxes)
        self.seen: list[Floats] = []

    def run(self, batch: Floats) -> list[Floats]:
        assert batch.dtype == np.float32
        self.seen.append(batch)
        return outputs_with(self.boxes, batch.shape[1])


@pytest.mark.parametrize("side", [320, 640])
@pytest.mark.parametrize("box", [(10, 20, 30, 44), (100, 60, 170, 150), (20.5, 8, 300, 310)])
def test_boxes_and_landmarks_are_read_back(side: int, box: Box) -> None:
    (row,) = decode(outputs_with([box], side), side, 0.6)
    assert np.allclose(row[:4], box, atol=1e-2)
    assert row[4] == pytest.approx(0.9)  # the root of 0.81
    assert np.allclose(row[5:].reshape(5, 2), landmarks_of(*box), atol=1e-2)


def test_the_order_of_the_outputs_does_not_matter() -> None:
    outputs = outputs_with([(100, 60, 170, 150), (10, 20, 30, 44)], 320)
    assert np.array_equal(decode(outputs, 320, 0.6), decode(outputs[::-1], 320, 0.6))


def test_the_best_come_first_and_weak_ones_not_at_all() -> None:
    boxes: list[Box] = [(10, 10, 40, 40), (100, 100, 130, 130), (200, 200, 230, 230)]
    rows = decode(outputs_with(boxes, 320, [0.64, 0.09, 0.81]), 320, 0.6)
    assert np.allclose(rows[:, 4], [0.9, 0.8])
    assert decode(outputs_with([], 320), 320, 0.6).shape == (0, 15)


def test_a_damaged_network_does_not_overflow() -> None:
    outputs = outputs_with([(100, 60, 170, 150)], 320)
    for output in outputs:
        output *= 1e6
    with np.errstate(all="raise"):
        assert np.isfinite(decode(outputs, 320, 0.6)).all()


@pytest.mark.parametrize("side", [320, 640])
def test_a_view_in_pixels_of_the_picture(side: int) -> None:
    box = (200.0, 100.0, 500.0, 480.0)
    pool = FakePool((box[0] * side / 1000, box[1] * side / 1000, box[2] * side / 1000, box[3] * side / 1000))
    detector = YuNet({side: pool})  # type: ignore[dict-item]
    image = np.zeros((800, 1000, 3), np.uint8)
    image[..., 0] = 200
    (face,) = detector.look(image, View(side))
    assert np.allclose(face.box, box, atol=0.1)
    assert np.allclose(face.landmarks, landmarks_of(*box), atol=0.1)
    assert face.faceness is None
    assert pool.seen[0].shape == (1, side, side, 3)
    assert pool.seen[0][0, 10, 10].tolist() == [0, 0, 200]  # blue first, not scaled
    assert detector.look(image, View(side), score=0.95) == []


def manifest_with(folder: Path, *entries: dict[str, Any]) -> Manifest:
    models = []
    for number, entry in enumerate(entries):
        (folder / str(entry["file"])).write_bytes(b"x")
        digest = hashlib.sha256(b"x").hexdigest()
        models.append(
            {"name": f"d{number}", "kind": "detector", "version": "1", "sha256": digest, "size": 1} | entry
        )
    (folder / "manifest.json").write_text(json.dumps({"models": models}))
    return Manifest.load(folder)


def test_the_manifest_names_the_family(tmp_path: Path) -> None:
    sides = [
        {"name": name, "file": f"{side}.tflite", "input": {"shape": [1, side, side, 3]}}
        for name, side in (("d", 320), ("d-640", 640))
    ]
    other = {"file": "y.tflite", "version": "2", "settings": {"family": "yunet", "score": 0.7}}
    manifest = manifest_with(tmp_path, *sides, other)
    assert type(load_detector(manifest)) is Detector
    assert load_detector(manifest)._anchors is ANCHORS
    found = load_detector(manifest, "d2")
    assert isinstance(found, YuNet)
    assert found.score == 0.7
