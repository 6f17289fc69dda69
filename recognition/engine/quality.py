"""Is a face fit for recognition, and if not, why: figures from box, landmarks and aligned crop."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from recognition.engine.types import Face, Floats, Image, Quality
from recognition.engine.views import quarters

# As shares of the eye distance: how far the tip of the nose stands out of the plane of eyes and mouth, as it shows
# in landmarks (the refiner's follow a nod less than a turn, and both less than YuNet's do; on 575 people of LFW 1.4
# and 2 times less), and how far the mouth is below the eyes. NOSE_LEVEL is where the nose of a level face is on the
# way from the eyes to the mouth. The last two are means over frontal photos.
TURN_DEPTH, NOD_DEPTH = 0.4, 0.2
DETECTOR_TURN_DEPTH, DETECTOR_NOD_DEPTH = 0.55, 0.42
MOUTH_DROP = 1.02
NOSE_LEVEL = 0.585
MIDDLE = np.s_[32:104, 24:88]  # eyes to mouth in a crop of 112: what is around the face must not count
STANDARD_CONTRAST = 50.0
LEAST_CONTRAST = 8.0
ROUNDING = 0.5  # what rounding to whole greys adds to the variance of a second difference: (1 + 4 + 1) / 12


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """What a face must reach. The defaults are for enrolment.

    min_size: shorter side of the box, pixels. min_sharpness, brightness: as in Quality. Angles in degrees,
    either way. max_covered: probability of a mask or of sunglasses.

    Chosen by how much of a good photograph's vector is left (cosine) when it is spoilt, on composed people,
    press photographs and LFW: 64 px keep 0.99, 40 px 0.97, 24 px 0.8; a blur to a sharpness of 10 keeps 0.94,
    to 5.5 0.88, to 2.6 0.67 (no photograph was under 11); a noisy brightness of 40 keeps 0.85, of 25 0.7. Genuine
    scores fall beyond a yaw of 30 and a pitch of 20. A head that only leans keeps 0.99 at 60 degrees. At 0.6 97 % of
    masks and 94 % of sunglasses are seen, and 0.2 % of bare faces are called covered.
    """

    min_size: float = 64.0
    min_sharpness: float = 10.0
    min_brightness: float = 40.0
    max_brightness: float = 215.0
    max_yaw: float = 30.0
    max_pitch: float = 20.0
    max_roll: float = 60.0
    max_covered: float = 0.6


ENROLMENT = QualityLimits()
PROBE = QualityLimits(
    min_size=40.0,
    min_sharpness=4.5,
    min_brightness=25.0,
    max_brightness=235.0,
    max_yaw=45.0,
    max_pitch=35.0,
    max_roll=60.0,
)


def assess(image: Image, face: Face, crop: Image, limits: QualityLimits = ENROLMENT) -> Quality:
    """Figures, score and reasons for a face of ``image`` with its aligned ``crop``."""
    middle = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[MIDDLE].astype(np.float32)
    contrast = float(middle.std())
    yaw, pitch, roll = pose(face.landmarks, refined=face.faceness is not None)
    roll = (roll - 90 * quarters(face.turn) + 180) % 360 - 180
    quality = Quality(
        size=_visible_size(image, face),
        sharpness=_sharpness(middle, contrast),
        brightness=float(middle.mean()),
        contrast=contrast,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        score=0.0,
    )
    return replace(quality, score=_score(quality), reasons=_reasons(quality, limits, covered(face)))


def reaches(quality: Quality, limits: QualityLimits, coverage: float = 0.0) -> bool:
    """Whether a face that was assessed before, by whatever limits, reaches these, too. coverage: as `covered` says."""
    return not _reasons(quality, limits, coverage)


def unlit(image: Image, limits: QualityLimits = PROBE) -> bool:
    """Whether a picture (H, W, 3) uint8 in which no face was found is too dark to show one.

    So it is when even its bright parts are darker than a face may be; a few lit pixels, such as a lamp's or the
    noise of a covered camera, do not help.
    """
    small = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)
    return float(np.percentile(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), 95)) < limits.min_brightness


def pose(landmarks: Floats, *, refined: bool = True) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees, from five landmarks (5, 2).

    refined: they come from the refiner, not from a detector that works without it.

    Roll is the slope of the line between the eyes. In the frame turned upright by it, a head that turns by an
    angle moves the tip of its nose off the plane of eyes and mouth by depth * sin(angle), while distances in
    that plane
    shrink by cos(angle): their ratio is depth * tan(angle).
    """
    points = np.asarray(landmarks, np.float64)
    across = points[1] - points[0]
    eyes = max(float(np.hypot(*across)), 1e-6)
    x_axis = across / eyes
    y_axis = np.array([-x_axis[1], x_axis[0]])
    start = (points[0] + points[1]) / 2
    mouth = (points[3] + points[4]) / 2 - start
    nose = points[2] - start
    drop = max(float(mouth @ y_axis), 1e-6)
    level = float(nose @ y_axis) / drop
    aside = float((nose - level * mouth) @ x_axis) / eyes
    turn, nod = (TURN_DEPTH, NOD_DEPTH) if refined else (DETECTOR_TURN_DEPTH, DETECTOR_NOD_DEPTH)
    yaw = np.degrees(np.arctan(aside / turn))
    pitch = np.degrees(np.arctan((NOSE_LEVEL - level) * MOUTH_DROP / nod))
    roll = np.degrees(np.arctan2(across[1], across[0]))
    return float(yaw), float(pitch), float(roll)


def _sharpness(grey: Floats, contrast: float) -> float:
    """Variance of the second difference along rows or columns, whichever is smaller, as at a contrast of 50.

    The smaller one sees a blur by movement, which leaves the edges along it sharp; scaling by the contrast makes
    it the same in any light.
    """
    rows, columns = (float(np.diff(grey, 2, axis=axis).var()) for axis in (0, 1))
    return max(0.0, min(rows, columns) - ROUNDING) * (STANDARD_CONTRAST / max(contrast, LEAST_CONTRAST)) ** 2


def _visible_size(image: Image, face: Face) -> float:
    """The shorter side of that part of the box which lies in the picture."""
    height, width = image.shape[:2]
    left, top, right, bottom = face.box
    return float(max(0.0, min(min(right, width) - max(left, 0.0), min(bottom, height) - max(top, 0.0))))


def covered(face: Face) -> float:
    """The probability of a mask or of sunglasses; 0 before the inspector has looked."""
    return 0.0 if face.inspection is None else max(face.inspection.mask, face.inspection.sunglasses)


def _reasons(quality: Quality, limits: QualityLimits, coverage: float) -> tuple[str, ...]:
    """The one first that spoils other figures as well: a mask is a smooth, bright surface."""
    failed = {
        "covered": coverage > limits.max_covered,
        "too_small": quality.size < limits.min_size,
        "too_dark": quality.brightness < limits.min_brightness,
        "too_bright": quality.brightness > limits.max_brightness,
        "too_blurred": quality.sharpness < limits.min_sharpness,
        "too_turned": abs(quality.yaw) > limits.max_yaw
        or abs(quality.pitch) > limits.max_pitch
        or abs(quality.roll) > limits.max_roll,
    }
    return tuple(code for code, bad in failed.items() if bad)


def _score(quality: Quality) -> float:
    """The product of how near each figure is to where more of it helps no further, 0 .. 1."""
    parts = (
        quality.size / 112,
        quality.sharpness / 40,
        (128 - abs(quality.brightness - 128)) / 64,
        np.cos(np.radians(quality.yaw)),
        np.cos(np.radians(quality.pitch)),
    )
    return float(np.prod(np.clip(parts, 0, 1)))
