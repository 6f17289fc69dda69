"""Looking at one frame of a camera for who stands before it: where the face is, how good it is, what to do next.

Nobody is looked for, nothing is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from recognition.engine import images
from recognition.engine.quality import ENROLMENT, unlit
from recognition.engine.types import ImageError
from recognition.services.analysis import SeenFace, follow_choice, get_analyzer
from recognition.services.enrolment.examination import RIVAL_SHARE
from recognition.services.errors import Invalid
from recognition.services.turns import in_turn
from recognition.services.wording import describe_score

MAX_SIDE = 2000
WHOLLY_SEEN = 0.9  # share of the face's shorter side that has to be inside of the frame
HINTS = {
    "": _("Good. Hold still."),
    "no_light": _("It is too dark to see anything. Turn on a light, or uncover the camera."),
    "no_face": _("No face is seen. Look into the camera."),
    "several_faces": _("Several people are seen. One at a time, please."),
    "cut_off": _("The face is cut off. Come to the middle, or go back a little."),
    "covered": _("Take off the mask or the sunglasses."),
    "too_small": _("Come closer."),
    "too_dark": _("More light on the face, please."),
    "too_bright": _("The light is too bright. Turn away from it a little."),
    "too_blurred": _("Hold still."),
    "too_turned": _("Look straight into the camera."),
}


@dataclass(frozen=True, slots=True)
class Guidance:
    """What is seen in a frame of width x height pixels.

    code: what is wrong, a key of `HINTS`; empty when the face is fit to be enrolled. box: left, top, right, bottom of
    the largest face, pixels of the frame. size: of its shorter side, pixels. yaw, pitch: degrees, as in `Quality`.
    """

    width: int
    height: int
    code: str
    box: tuple[float, float, float, float] | None = None
    score: float = 0.0
    size: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0

    def as_answer(self) -> dict[str, Any]:
        return {
            "width": self.width,
            "height": self.height,
            "fit": not self.code,
            "code": self.code,
            "hint": str(HINTS[self.code]),
            "box": self.box and [round(float(side), 1) for side in self.box],
            "score": round(float(self.score), 3),
            "word": describe_score(self.score) if self.box else "",
            "size": round(float(self.size), 1),
            "yaw": round(float(self.yaw), 1),
            "pitch": round(float(self.pitch), 1),
        }


@in_turn
def guide(data: bytes) -> Guidance:
    """Look at a frame, as strictly as an enrolment photo is looked at.

    Raises Invalid when the bytes are no usable picture, Busy when too many are looked at already.
    """
    try:
        image = images.decode(data, max_side=MAX_SIDE)
    except ImageError as error:
        raise Invalid(error.code, str(error)) from None
    height, width = image.shape[:2]
    follow_choice()
    faces = get_analyzer().find(image, ENROLMENT)
    if not faces:
        return Guidance(width, height, "no_light" if unlit(image) else "no_face")
    largest = faces[0]
    quality = largest.quality
    return Guidance(
        width,
        height,
        _what_is_wrong(faces),
        largest.face.box,
        quality.score,
        quality.size,
        quality.yaw,
        quality.pitch,
    )


def _what_is_wrong(faces: list[SeenFace]) -> str:
    largest = faces[0]
    if len(faces) > 1 and faces[1].quality.size >= RIVAL_SHARE * largest.quality.size:
        return "several_faces"
    if largest.quality.size < WHOLLY_SEEN * min(largest.face.width, largest.face.height):
        return "cut_off"
    return next(iter(largest.quality.reasons), "")
