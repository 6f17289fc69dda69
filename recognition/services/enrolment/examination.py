"""Looking for the one face of an enrolment photo. Touches no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from recognition.engine.images import encode_jpeg
from recognition.engine.quality import ENROLMENT
from recognition.engine.types import Floats, Image
from recognition.engine.views import face_turned_back, quarters, turned_back
from recognition.models import ModelVersion
from recognition.services.analysis import SeenFace, get_analyzer

# A face in the background much smaller than the largest one is nobody's rival for the photo.
RIVAL_SHARE = 0.4
# A chosen face is found again by its box, which moves a little when another detector is in use.
SAME_FACE = 0.3


@dataclass(frozen=True, slots=True)
class Said:
    """What staff said of a photo: which face is the person's, by its box, and that it counts though it is not fit."""

    box: Sequence[float] | None = None
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class UprightPhoto:
    """A photo that lay on its side or head, turned upright."""

    jpeg: bytes
    width: int
    height: int


@dataclass(slots=True)
class Finding:
    """What was found in one photo. ``vector`` is None when it is rejected, then ``reason`` says why.

    upright: takes the photo's place where that lay on its side or head; the faces are in pixels of it.
    """

    faces: list[SeenFace] = field(default_factory=list)
    chosen: int | None = None
    reason: str = ""
    vector: Floats | None = None
    upright: UprightPhoto | None = None


def examine(
    image: Image,
    said: Said | None = None,
    *,
    version: ModelVersion | None = None,
) -> Finding:
    """Find the one face to enrol.

    said: what staff said of the photo before. version: by whose model the vector is made, by default the installed
    default.
    """
    analyzer = get_analyzer()
    finding, crop = _weigh(image, analyzer.find(image, ENROLMENT), said or Said())
    if crop is not None:
        finding.vector = analyzer.embed([crop], version=version)[0]
    return finding


def examine_many(
    images: Sequence[Image],
    said: Sequence[Said] | None = None,
    *,
    version: ModelVersion | None = None,
) -> list[Finding]:
    """As `examine` for each picture; an analyser on a GPU looks at all of them at once."""
    analyzer = get_analyzer()
    each = said or [Said()] * len(images)
    seen = analyzer.find_many(images, ENROLMENT)
    weighed = [_weigh(*one) for one in zip(images, seen, each, strict=True)]
    fit = [(finding, crop) for finding, crop in weighed if crop is not None]
    if fit:
        vectors = analyzer.embed([crop for _, crop in fit], version=version)
        for (finding, _), vector in zip(fit, vectors, strict=True):
            finding.vector = vector
    return [finding for finding, _ in weighed]


def _weigh(image: Image, faces: list[SeenFace], said: Said) -> tuple[Finding, Image | None]:
    """The finding without its vector, and the crop to make that of; None when nothing is to be enrolled."""
    finding = _upright(image, faces)
    faces = finding.faces
    finding.chosen, finding.reason = _choose(faces, said.box)
    if finding.chosen is None:
        return finding, None
    face = faces[finding.chosen]
    if face.quality.ok or said.accepted:
        return finding, face.crop
    finding.reason = face.quality.reasons[0]
    return finding, None


def _upright(image: Image, faces: list[SeenFace]) -> Finding:
    """The faces as they are in the photo turned so that the largest stands upright."""
    count = quarters(faces[0].face.turn) if faces else 0
    if not count:
        return Finding(faces=faces)
    height, width = image.shape[:2]
    stood = [replace(seen, face=face_turned_back(seen.face, count, width, height)) for seen in faces]
    upright = turned_back(image, count)
    height, width = upright.shape[:2]
    return Finding(faces=stood, upright=UprightPhoto(encode_jpeg(upright), width, height))


def _choose(faces: Sequence[SeenFace], chosen_box: Sequence[float] | None) -> tuple[int | None, str]:
    """Position of the face, largest first, or None and why there is none."""
    if not faces:
        return None, "no_face"
    if chosen_box is not None:
        overlaps = [overlap(face.face.box, chosen_box) for face in faces]
        if max(overlaps) >= SAME_FACE:
            return overlaps.index(max(overlaps)), ""
    if len(faces) > 1 and faces[1].quality.size >= RIVAL_SHARE * faces[0].quality.size:
        return None, "several_faces"
    return 0, ""


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (both - width * height)
