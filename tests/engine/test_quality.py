from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from recognition.engine.quality import ENROLMENT, NOSE_LEVEL, PROBE, QualityLimits, assess, pose, unlit
from recognition.engine.types import REASONS, Face, Floats, Image, Inspection, Quality

# A level head from the front: eyes 60 apart, mouth 61 below.
LEVEL = np.array([[70, 80], [130, 80], [100, 80 + 61.2 * NOSE_LEVEL], [76, 141.2], [124, 141.2]], np.float32)


def seen(points: Floats, *, turn: float = 0, scale: float = 1, shift: float = 0) -> Floats:
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (scale * points @ rotation.T + shift).astype(np.float32)


def with_nose(dx: float, dy: float) -> Floats:
    points = LEVEL.copy()
    points[2] += (dx, dy)
    return points


def test_a_level_head_has_no_angle() -> None:
    assert pose(LEVEL) == pytest.approx((0, 0, 0), abs=0.01)


def test_signs_and_sizes() -> None:
    assert pose(with_nose(-24, 0))[0] == pytest.approx(-45, abs=0.1)
    assert pose(with_nose(24, 0))[0] == pytest.approx(45, abs=0.1)
    assert pose(with_nose(0, -6))[1] > 20  # the nose moves up: the face looks up
    assert pose(with_nose(0, 6))[1] < -20


@pytest.mark.parametrize("turn", [-80.0, -20.0, 35.0, 120.0])
def test_roll_is_the_turn_in_the_picture_and_changes_nothing_else(turn: float) -> None:
    yaw, pitch, roll = pose(seen(with_nose(10, -3), turn=turn, scale=3, shift=200))
    assert roll == pytest.approx(turn, abs=0.01)
    assert (yaw, pitch) == pytest.approx(pose(with_nose(10, -3))[:2], abs=0.01)


def test_landmarks_of_a_detector_move_further_for_the_same_turn() -> None:
    turned, nodding = with_nose(-20, 0), with_nose(0, -8)
    assert pose(turned, refined=False)[0] == pytest.approx(pose(turned)[0] * 0.78, rel=0.05)
    assert 0 < pose(nodding, refined=False)[1] < 0.6 * pose(nodding)[1]
    assert not check(landmarks=nodding).ok
    assert check(landmarks=nodding, faceness=None).ok


def test_landmarks_in_one_point_have_finite_angles() -> None:
    assert np.all(np.isfinite(pose(np.zeros((5, 2), np.float32))))


def textured(brightness: float = 120, blur: float = 0) -> Image:
    pixels = np.random.default_rng(0).normal(0, 1, (112, 112))
    pixels = cv2.GaussianBlur(pixels, (0, 0), 2.2)
    if blur:
        pixels = cv2.GaussianBlur(pixels, (0, 0), blur)
    pixels = brightness + pixels / max(pixels.std(), 0.05) * 20
    return np.repeat(np.clip(pixels, 0, 255)[:, :, None], 3, 2).astype(np.uint8)


def check(
    crop: Image | None = None,
    *,
    size: float = 160,
    landmarks: Floats = LEVEL,
    limits: QualityLimits = ENROLMENT,
    left: float = 0,
    faceness: float | None = 5.0,
) -> Quality:
    face = Face((left, 0, left + size, size * 1.2), 0.9, landmarks, faceness)
    return assess(np.zeros((400, 400, 3), np.uint8), face, textured() if crop is None else crop, limits)


def test_a_good_face_is_fit() -> None:
    quality = check()
    assert quality.ok
    assert quality.size == 160
    assert quality.brightness == pytest.approx(120, abs=6)
    assert quality.contrast == pytest.approx(20, abs=5)
    assert quality.score > 0.9


@pytest.mark.parametrize(
    ("mask", "sunglasses", "covered"),
    [(0.1, 0.2, False), (0.55, 0.55, False), (0.7, 0.1, True), (0.1, 0.9, True)],
)
def test_masks_and_sunglasses_cover(mask: float, sunglasses: float, covered: bool) -> None:
    image = np.full((400, 400, 3), 128, np.uint8)
    seen_face = Face(
        (100.0, 100.0, 300.0, 300.0),
        0.9,
        seen(LEVEL, scale=3, shift=200),
        5.0,
        inspection=Inspection(1.0, mask, sunglasses),
    )
    for limits in (ENROLMENT, PROBE):
        reasons = assess(image, seen_face, image[:112, :112], limits).reasons
        assert ("covered" in reasons) == covered
        assert reasons[:1] == (("covered",) if covered else ("too_blurred",))


@pytest.mark.parametrize("view", [0, 90, 180, 270])
def test_roll_is_that_of_the_picture_turned_upright(view: int) -> None:
    image = np.full((400, 400, 3), 128, np.uint8)
    landmarks = seen(LEVEL, turn=view + 20, scale=3, shift=200)
    face = Face((100.0, 100.0, 300.0, 300.0), 0.9, landmarks, 5.0, turn=float(view))
    assert assess(image, face, image[:112, :112]).roll == pytest.approx(20, abs=0.01)


@pytest.mark.parametrize(
    ("quality", "reason"),
    [
        (check(size=60), "too_small"),
        (check(left=350), "too_small"),  # only a strip of it is in the picture
        (check(left=-120), "too_small"),
        (check(textured(blur=4)), "too_blurred"),
        (check(cv2.blur(textured(), (41, 1))), "too_blurred"),
        (check(cv2.blur(textured(), (1, 41))), "too_blurred"),
        (check(textured(35)), "too_dark"),
        (check(textured(225)), "too_bright"),
        (check(landmarks=with_nose(-20, 0)), "too_turned"),
        (check(landmarks=with_nose(0, -8)), "too_turned"),
        (check(landmarks=seen(LEVEL, turn=65)), "too_turned"),
    ],
)
def test_each_fault_has_its_reason(quality: Quality, reason: str) -> None:
    assert quality.reasons == (reason,)
    assert reason in REASONS
    assert not quality.ok


def test_several_faults_are_all_named() -> None:
    assert set(check(textured(30, blur=4), size=20).reasons) == {"too_small", "too_dark", "too_blurred"}


def test_a_probe_may_be_worse() -> None:
    for quality in ({"size": 50}, {"crop": textured(33)}, {"landmarks": with_nose(-18, 0)}):
        assert not check(**quality).ok  # type: ignore[arg-type]
        assert check(**quality, limits=PROBE).ok  # type: ignore[arg-type]


def test_sharpness_does_not_depend_on_the_light() -> None:
    bright, dim = check(textured(170)), check((textured(170) * 0.5).astype(np.uint8))
    assert dim.sharpness == pytest.approx(bright.sharpness, rel=0.15)


def test_what_is_around_the_face_does_not_count() -> None:
    crop = textured(blur=4)
    crop[:20] = np.random.default_rng(1).integers(0, 256, (20, 112, 3))
    assert check(crop).reasons == ("too_blurred",)


def test_limits_can_be_set() -> None:
    assert not check(limits=replace(ENROLMENT, min_size=200)).ok


def test_a_better_face_scores_higher() -> None:
    best = check().score
    for worse in (
        check(size=50),
        check(textured(40)),
        check(textured(blur=4)),
        check(landmarks=with_nose(12, 0)),
    ):
        assert 0 <= worse.score < best <= 1


@pytest.mark.parametrize(("brightest", "dark"), [(0, True), (24, True), (26, False), (255, False)])
def test_a_picture_is_unlit_when_its_bright_parts_are_darker_than_a_face_may_be(
    brightest: int, dark: bool
) -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    image[:, :32] = brightest  # a tenth
    assert unlit(image) is dark


def test_a_lamp_does_not_light_a_picture() -> None:
    image = np.full((240, 320, 3), 5, np.uint8)
    image[:20, :20] = 255
    assert unlit(image)
