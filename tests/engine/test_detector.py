from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recognition.engine import detector
from recognition.engine.detector import ANCHORS, Detector, decode, letterbox, merge, suppress
from recognition.engine.types import Face, Floats, ModelFileError
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
    """A network that sees the given boxes of the picture, whatever the size of its input."""

    def __init__(self, picture: tuple[int, int], near: list[Any], far: list[Any] | None = None) -> None:
        self.longer = max(picture)
        self.boxes = {detector.SMALL: near, detector.LARGE: near if far is None else far}
        self.sides: list[int] = []

    def run(self, batch: Floats) -> list[Floats]:
        assert batch.dtype == np.float32
        assert 0 <= batch.min() <= batch.max() <= 1
        side = batch.shape[1]
        self.sides.append(side)
        return heads_with(np.array(self.boxes[side], np.float32).reshape(-1, 4) * side / self.longer, side)


def detect(
    picture: tuple[int, int], near: list[Any], far: list[Any] | None = None, **how: Any
) -> tuple[list[Face], list[int]]:
    pool = FakePool(picture, near, far)
    faces = Detector({320: pool, 640: pool}).detect(np.zeros((*picture, 3), np.uint8), **how)  # type: ignore[arg-type]
    return faces, pool.sides


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
    assert np.all(canvas[160:] == detector.PADDING)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3, 7), (319, 321), (641, 639)])
def test_any_size_of_picture(shape: tuple[int, int]) -> None:
    faces, _ = detect(shape, [])
    assert faces == []


def test_coordinates_are_those_of_the_picture() -> None:
    box = (300.0, 100.0, 700.0, 620.0)
    faces, sides = detect((900, 1300), [box])
    assert sides == [320]
    assert faces[0].box == pytest.approx(box, abs=0.1)
    assert np.allclose(faces[0].landmarks, landmarks_of(*box), atol=0.1)


def test_a_portrait_costs_one_look_and_a_group_two() -> None:
    subject, small = (200.0, 100.0, 420.0, 360.0), (600.0, 100.0, 660.0, 170.0)
    assert detect((800, 1000), [subject])[1] == [320]
    faces, sides = detect((800, 1000), [small], [small, (100.0, 100.0, 150.0, 160.0)])
    assert sides == [320, 640]
    assert len(faces) == 2
    assert detect((800, 1000), [], [small])[1] == [320, 640]


class FakeBatchPool:
    """One such network for each picture of a batch; which picture it is stands in its first pixel."""

    batches = True

    def __init__(self, pools: list[FakePool]) -> None:
        self.pools = pools
        self.seen: list[tuple[int, list[int]]] = []

    def run(self, batch: Floats) -> list[Floats]:
        numbers = [round(float(canvas[0, 0, 0]) * 255) for canvas in batch]
        self.seen.append((batch.shape[1], numbers))
        each = [self.pools[n].run(canvas[None]) for n, canvas in zip(numbers, batch, strict=True)]
        return [np.concatenate(heads) for heads in zip(*each, strict=True)]


def test_many_pictures_in_one_run_for_each_size() -> None:
    subject, small = (200.0, 100.0, 420.0, 360.0), (600.0, 100.0, 660.0, 170.0)
    shapes = [(800, 1000), (800, 1000), (900, 1300), (800, 700)]
    pools = [
        FakePool(shape, near, far)
        for shape, near, far in zip(
            shapes,
            [[subject], [small], [], [subject]],
            [[], [small, (100.0, 100.0, 150.0, 160.0)], [small], []],
            strict=True,
        )
    ]
    images = [np.full((*shape, 3), number, np.uint8) for number, shape in enumerate(shapes)]
    many = FakeBatchPool(pools)
    together = Detector({320: many, 640: many})  # type: ignore[dict-item]
    found = together.detect_many(images)
    assert many.seen == [(320, [0, 1, 2, 3]), (640, [1, 2])]
    for image, pool, faces in zip(images, pools, found, strict=True):
        one_by_one = Detector({320: pool, 640: pool})  # type: ignore[dict-item]
        assert not one_by_one.batches
        for expected in (one_by_one.detect(image), *one_by_one.detect_many([image])):
            assert [face.box for face in faces] == [face.box for face in expected]
            assert all(np.array_equal(a.landmarks, b.landmarks) for a, b in zip(faces, expected, strict=True))
    assert [len(faces) for faces in found] == [1, 2, 1, 1]
    assert together.detect_many([]) == []


@pytest.mark.parametrize(("min_face", "sides"), [(200, [320]), (149, [320, 640]), (20, [320, 640])])
def test_the_smallest_face_wanted_decides(min_face: float, sides: list[int]) -> None:
    assert detect((800, 1000), [(200.0, 100.0, 420.0, 360.0)], min_face=min_face)[1] == sides


def test_parts_of_a_large_face_seen_by_the_closer_look_are_dropped() -> None:
    whole, part, other = (
        (100.0, 100.0, 600.0, 700.0),
        (150.0, 150.0, 400.0, 450.0),
        (800.0, 50.0, 850.0, 110.0),
    )
    faces, _ = detect((800, 1000), [whole], [part, other], min_face=30)
    assert sorted(round(face.box[0]) for face in faces) == [100, 800]


def face(left: float, size: float, score: float) -> Face:
    return Face((left, 0.0, left + size, size), score, np.zeros((5, 2), np.float32))


def test_merge_prefers_earlier_groups_and_orders_by_score() -> None:
    first, same, other = face(0, 100, 0.5), face(5, 90, 0.9), face(300, 50, 0.7)
    assert merge([first], [same, other]) == [other, first]
    assert merge([same, other], [first]) == [same, other]
    assert merge([], []) == []


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

    assert opened("a") == {320: "a", 640: "a-640"}
    assert opened("b") == {320: "b", 640: "b-640"}
    with pytest.raises(ModelFileError, match="320 and 640"):
        opened("c")


def test_a_detector_without_shape_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="d0"):
        Detector.from_manifest(manifest_with(tmp_path, {"version": "1"}))
