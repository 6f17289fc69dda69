from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recognition.engine import detector
from recognition.engine.detector import ANCHORS, Detector, decode, suppress
from recognition.engine.types import Face, Floats, ModelFileError
from recognition.engine.views import PADDING, View, letterbox
from recognition.engine.weights import Manifest

LOGIT_HIGH, LOGIT_LOW = 8.0, -12.0


def heads_with(boxes: Floats, side: int, logits: list[float] | None = None) -> list[Floats]:
    """Raw outputs of a network that sees these boxes (n, 4), pixels of the square, with landmarks at their corners
    and in the middle: the inverse of the decoding, written down from the paper."""
    heads = {}
    for stride in ANCHORS:
        heads[stride] = np.zeros((1, side // stride, side // stride, 3, 16), np.float32)
        heads[stride][..., 4] = LOGIT_LOW
    for number, (left, top, right, bottom) in enumerate(boxes):
        size = np.array([right - left, bottom - top])
        stride, anchor = min(
            ((s, a) for s in ANCHORS for a in range(3)),
            key=lambda sa: np.abs(np.log(size / ANCHORS[sa[0]][sa[1]])).sum(),
        )
        centre = np.array([left + right, top + bottom]) / 2 / stride
        cell = np.floor(centre).astype(int)
        raw = heads[stride][0, cell[1], cell[0], anchor]
        raw[0:2] = logit((centre - cell + 0.5) / 2)
        raw[2:4] = logit(np.sqrt(size / ANCHORS[stride][anchor]) / 2)
        raw[4] = LOGIT_HIGH if logits is None else logits[number]
        raw[5:15] = (
            (landmarks_of(left, top, right, bottom) - cell * stride) / ANCHORS[stride][anchor]
        ).reshape(-1)
        raw[15] = LOGIT_HIGH
    return list(heads.values())


def landmarks_of(left: float, top: float, right: float, bottom: float) -> Floats:
    middle = ((left + right) / 2, (top + bottom) / 2)
    return np.array([(left, top), (right, top), middle, (left, bottom), (right, bottom)], np.float32)


def logit(share: Any) -> Any:
    return np.log(share / (1 - share))


class FakePool:
    """A network that sees these boxes (n, 4), in pixels of its square."""

    def __init__(self, *boxes: tuple[float, ...]) -> None:
        self.boxes = np.array(boxes, np.float32).reshape(-1, 4)

    def run(self, batch: Floats) -> list[Floats]:
        assert batch.dtype == np.float32
        assert 0 <= batch.min() <= batch.max() <= 1
        return heads_with(self.boxes, batch.shape[1])


def look(picture: tuple[int, int], view: View, *boxes: tuple[float, ...]) -> list[Face]:
    detector = Detector({view.side: FakePool(*boxes)})  # type: ignore[dict-item]
    return detector.look(np.zeros((*picture, 3), np.uint8), view)


@pytest.mark.parametrize("side", [320, 640])
@pytest.mark.parametrize("shape", ["cells", "flat", "channels"])
def test_decodes_what_was_encoded(side: int, shape: str) -> None:
    boxes = np.array([[10, 20, 40, 60], [100, 90, 290, 310], [200, 20, 212, 34]], np.float32)
    heads = heads_with(boxes, side)
    if shape == "flat":
        heads = [head.reshape(1, -1, 16) for head in reversed(heads)]
    if shape == "channels":
        heads = [head.reshape(*head.shape[:3], 48) for head in heads]
    rows = decode(heads, side, 0.3)
    rows = rows[np.argsort(rows[:, 0])]
    expected = boxes[np.argsort(boxes[:, 0])]
    assert np.allclose(rows[:, :4], expected, atol=1e-2)
    assert np.allclose(rows[:, 5:].reshape(-1, 5, 2), [landmarks_of(*box) for box in expected], atol=1e-2)
    assert np.all(rows[:, 4] > 0.99)


def test_the_score_is_objectness_times_class() -> None:
    boxes = np.array([[10, 20, 40, 60], [100, 90, 290, 310]], np.float32)
    heads = heads_with(boxes, 320, [logit(0.5), logit(0.9)])
    for head in heads:
        head[..., 15] = logit(0.8)
    rows = decode(heads, 320, 0.3)
    assert rows[:, 4].tolist() == pytest.approx([0.72, 0.4])
    assert len(decode(heads, 320, 0.41)) == 1
    assert decode(heads, 320, 0.73).shape == (0, 15)


@pytest.mark.filterwarnings("error")
def test_wild_numbers_neither_overflow_nor_raise() -> None:
    heads = [np.full((1, 320 // s, 320 // s, 3, 16), 1e4, np.float32) for s in ANCHORS]
    assert len(decode(heads, 320, 0.3)) == detector.MOST
    assert len(decode([-head for head in heads], 320, 0.3)) == 0


def test_suppresses_all_but_the_best_of_overlapping_boxes() -> None:
    boxes = np.array(
        [[0, 0, 10, 10], [1, 1, 11, 11], [20, 0, 30, 10], [0, 0, 10, 10], [0, 0, 10, 4]], np.float32
    )
    scores = np.array([0.5, 0.9, 0.4, 0.3, 0.2], np.float32)
    # 1 and 0 overlap by 81/119; 4 and 1 by 27/113.
    assert suppress(boxes, scores, 0.45).tolist() == [1, 2, 4]
    assert suppress(boxes, scores, 0.99).tolist() == [1, 0, 2, 4]
    assert suppress(boxes[:0], scores[:0], 0.45).tolist() == []


def test_letterbox_keeps_the_shape_and_grey_fills_the_rest() -> None:
    image = np.full((100, 200, 3), 9, np.uint8)
    canvas, scale = letterbox(image, 320)
    assert scale == 1.6
    assert canvas.shape == (320, 320, 3)
    assert np.all(canvas[:160] == 9)
    assert np.all(canvas[160:] == PADDING)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3, 7), (319, 321), (641, 639)])
@pytest.mark.parametrize("view", [View(320), View(640, margin=0.03), View(320, margin=0.75, turn=45)])
def test_any_size_of_picture(shape: tuple[int, int], view: View) -> None:
    assert look(shape, view) == []


def test_coordinates_are_those_of_the_picture() -> None:
    scale = 320 / 1300
    box = (300.0, 100.0, 700.0, 620.0)
    (face,) = look((900, 1300), View(320), tuple(v * scale for v in box))
    assert face.box == pytest.approx(box, abs=0.1)
    assert np.allclose(face.landmarks, landmarks_of(*box), atol=0.1)


class FakeBatchPool:
    """Sees in each picture of a batch the box that stands in its first pixel."""

    batches = True

    def __init__(self, *boxes: tuple[float, ...]) -> None:
        self.boxes = boxes
        self.sizes: list[int] = []

    def run(self, batch: Floats) -> list[Floats]:
        self.sizes.append(len(batch))
        numbers = [round(float(canvas[0, 0, 0]) * 255) for canvas in batch]
        each = [FakePool(self.boxes[n]).run(canvas[None]) for n, canvas in zip(numbers, batch, strict=True)]
        return [np.concatenate(heads) for heads in zip(*each, strict=True)]


def test_many_pictures_in_one_run() -> None:
    boxes = (10.0, 20.0, 60.0, 70.0), (100.0, 90.0, 290.0, 310.0)
    pool = FakeBatchPool(*boxes)
    together = Detector({320: pool})  # type: ignore[dict-item]
    assert together.batches
    images = [np.full((320, 320, 3), number, np.uint8) for number in (1, 0, 1)]
    found = together.look_many(images, View(320))
    assert pool.sizes == [3]
    alone = [look((320, 320), View(320), boxes[number]) for number in (1, 0, 1)]
    assert [[face.box for face in faces] for faces in found] == [[f.box for f in faces] for faces in alone]


def manifest_with(folder: Path, *entries: dict[str, Any]) -> Manifest:
    models = []
    for number, entry in enumerate(entries):
        (folder / f"{number}.tflite").write_bytes(b"x")
        digest = hashlib.sha256(b"x").hexdigest()
        models.append(
            {
                "name": f"d{number}",
                "kind": "detector",
                "file": f"{number}.tflite",
                "sha256": digest,
                "size": 1,
            }
            | entry
        )
    (folder / "manifest.json").write_text(json.dumps({"models": models}))
    return Manifest.load(folder)


def shaped(name: str, side: int) -> dict[str, Any]:
    return {"name": name, "version": "1", "input": {"shape": [1, side, side, 3]}}


def test_detectors_of_one_version_run_their_own_networks(tmp_path: Path) -> None:
    names = {"a-640": 640, "a": 320, "b": 320, "b-640": 640, "c": 320}
    manifest = manifest_with(tmp_path, *(shaped(name, side) for name, side in names.items()))

    def opened(name: str) -> Any:
        return Detector.from_manifest(manifest, name, opens=lambda m, spec, **_: spec.name)._pools  # type: ignore[arg-type,return-value]

    assert opened("a") == {288: "a", 320: "a", 640: "a-640"}
    assert opened("b") == {288: "b", 320: "b", 640: "b-640"}
    with pytest.raises(ModelFileError, match="320 and 640"):
        opened("c")


def test_a_detector_without_shape_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="d0"):
        Detector.from_manifest(manifest_with(tmp_path, {"version": "1"}))
