"""Every face of a picture: which views of it the detector gets, and when another one is worth its time.

1. The whole picture in 288 pixels. Measured on composed pictures it shows every face whose longer side is 0.2 .. 0.9
   of the picture's longer side (0.95 of those of 0.15 .. 0.2), in 0.83 of the time that the network takes for 320. At
   256, 0.66 of the time, its boxes are so much coarser that the refiner sees some heads turn less than they do.
2. Nothing, or only doubtful large faces: the same with a wide grey margin, for faces that fill the picture or are cut
   by its border. On 752 such crops of 115 to 147 pixels, brow to chin: 749 right instead of 336, and no face more on
   1,000 pictures of animals, things and places (margins of 0.3 and 0.5 of the longer side: 725 and 742).
3. No large face: 640 pixels, for every face of 0.075 .. 0.4 (0.97 at 0.05). It takes four times as long and sees parts
   of larger faces as faces. A narrow margin shows 210 instead of 204 of 240 small faces that the border cuts.
4. Still no clear face whose landmarks fit one (a head upside down is found, too, with the eyes at its mouth): the
   picture turned by quarters and by 45 degrees. Of 120 portraits 119 are right upright and turned by quarters, 116 at
   45 degrees. A picture without any face costs the time of eleven small views.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext

from recognition.engine.detector import Detector
from recognition.engine.inspector import Inspector
from recognition.engine.refiner import Refiner
from recognition.engine.types import Face, Image
from recognition.engine.views import FIRST, LARGE, SMALL, View

WHOLE = View(FIRST)
CLOSE_UP = View(SMALL, margin=0.75)
CLOSER = View(LARGE, margin=0.03)
FINE = View(LARGE)
TURNED = tuple(View(SMALL, margin=0.3, turn=turn) for turn in (90, 270, 180, 45, 315))
# Shares of the picture's longer side. The first view misses no face over SURE; one over PORTRAIT is taken as
# the subject.
SURE = 0.17
PORTRAIT = 0.2
COVERED = 0.6
# Of a face that needs no second opinion, by the refiner or, without one, by the detector: half of the wrong faces in
# close-ups are below, one right face in ten.
CERTAIN_FACENESS, CERTAIN_SCORE = 3.8, 0.8
# Of a face that only a second look shows.
LATE_FACENESS, LATE_SCORE = 3.0, 0.5
# Of a face that shows that the picture is not turned.
CLEAR_FACENESS, CLEAR_SCORE = 3.3, 0.7
ALIGNED = 0.5
ANYTHING = 0.3  # a face that is less well aligned and not clear either is none

Looking = Generator[View, list[Face], list[Face]]
Step = Callable[[str], AbstractContextManager[None]]


class Finder:
    """Detector, refiner and inspector together. Safe to use from several threads."""

    def __init__(self, detector: Detector, refiner: Refiner, inspector: Inspector) -> None:
        self._detector = detector
        self._refiner = refiner
        self._inspector = inspector

    def find(
        self, image: Image, *, min_face: float | None = None, step: Step = lambda _: nullcontext()
    ) -> list[Face]:
        """Every face with the refiner's landmarks, best first, in pixels of the picture as it is, turned or not.

        min_face: the smallest face wanted, in pixels of the picture. Without it a portrait costs one view, a group two.
        step: entered around each run of the networks, with its name, by whoever measures times.
        """
        looking = looks(max(image.shape[:2]), min_face)
        view = next(looking)
        while True:
            with step("detect"):
                faces = self._detector.look(image, view)
            with step("refine"):
                faces = self._refiner.refine(image, faces)
            with step("inspect"):
                faces = self._inspector.inspect(image, faces)
            try:
                view = looking.send(faces)
            except StopIteration as done:
                return list(done.value)

    def glance(self, image: Image, *, fine: bool) -> list[Face]:
        """The faces of one frame of a film, best first, with the refiner's landmarks: one view, and no second thought,
        because the next frame comes soon.

        fine: shows faces from 0.05 of the picture's longer side on, and costs four times as much; else from 0.2 on.
        """
        return self._refiner.refine(image, self._detector.look(image, FINE if fine else WHOLE))

    def inspect(self, image: Image, faces: Sequence[Face]) -> list[Face]:
        """What is to be seen on these faces of the picture besides who they are."""
        return self._inspector.inspect(image, faces)

    def find_many(self, images: Sequence[Image], *, min_face: float | None = None) -> list[list[Face]]:
        """As `find` for each picture, all that want the same view in one run where the networks take batches."""
        if not self._detector.batches:
            return [self.find(image, min_face=min_face) for image in images]
        looking = [looks(max(image.shape[:2]), min_face) for image in images]
        wanted = {n: next(one) for n, one in enumerate(looking)}
        found: dict[int, list[Face]] = {}
        while wanted:
            view = next(iter(wanted.values()))
            numbers = [n for n, other in wanted.items() if other == view]
            for n, faces in zip(numbers, self._seen_many([images[n] for n in numbers], view), strict=True):
                try:
                    wanted[n] = looking[n].send(faces)
                except StopIteration as done:
                    found[n] = done.value
                    del wanted[n]
        return [found[n] for n in range(len(images))]

    def _seen_many(self, images: Sequence[Image], view: View) -> list[list[Face]]:
        faces = self._refiner.refine_many(images, self._detector.look_many(images, view))
        return self._inspector.inspect_many(images, faces)


def looks(longer: int, min_face: float | None = None) -> Looking:
    """The views of a picture one after another; the faces of each are sent in, all of them come out at the end.

    longer: the longer side of the picture in pixels. min_face: as for `Finder.find`.
    """
    portrait = PORTRAIT * longer
    faces = yield WHOLE
    large = [face for face in faces if longer_side(face) >= portrait]
    if not any(map(_certain, large)) and (large or not faces):
        close = yield CLOSE_UP
        faces = likeliest(faces, [f for f in close if _late(f) and longer_side(f) >= portrait])
        large = [face for face in faces if longer_side(face) >= portrait]
    if (not large) if min_face is None else min_face < SURE * longer:
        closer = yield CLOSER
        sure = [face for face in faces if longer_side(face) >= SURE * longer]
        unsure = [face for face in faces if longer_side(face) < SURE * longer]
        faces = merge(sure, closer, unsure)
    if not any(map(_clear, faces)):
        for view in TURNED:
            if turned := [face for face in (yield view) if _clear(face) and _late(face)]:
                return likeliest(turned, [face for face in faces if _aligned(face)])
    return [face for face in faces if not _nothing(face)]


def merge(*groups: Sequence[Face]) -> list[Face]:
    """The faces of all groups, best first, without those mostly covered by one of an earlier group."""
    kept: list[Face] = []
    for group in groups:
        kept += [face for face in group if all(_covered(face, other) <= COVERED for other in kept)]
    return sorted(kept, key=lambda face: -face.score)


def likeliest(*groups: Sequence[Face]) -> list[Face]:
    """The faces of all groups, best first; of those that cover one another the likeliest to be a face."""
    faces = [face for group in groups for face in group]
    return merge(*[[face] for face in sorted(faces, key=_likely, reverse=True)])


def longer_side(face: Face) -> float:
    return max(face.width, face.height)


def _likely(face: Face) -> float:
    return face.score if face.faceness is None else face.faceness


def _certain(face: Face) -> bool:
    return _reaches(face, CERTAIN_FACENESS, CERTAIN_SCORE) and _aligned(face)


def _clear(face: Face) -> bool:
    return _reaches(face, CLEAR_FACENESS, CLEAR_SCORE) and _aligned(face)


def _nothing(face: Face) -> bool:
    """Of 1,000 pictures of animals and things this leaves a third fewer with a false face."""
    misaligned = face.inspection is not None and face.inspection.aligned < ANYTHING
    return misaligned and not _reaches(face, CLEAR_FACENESS, CLEAR_SCORE)


def _reaches(face: Face, faceness: float, score: float) -> bool:
    return face.score >= score if face.faceness is None else face.faceness >= faceness


def _aligned(face: Face) -> bool:
    return face.inspection is None or face.inspection.aligned >= ALIGNED


def _late(face: Face) -> bool:
    return face.score >= LATE_SCORE and (face.faceness is None or face.faceness >= LATE_FACENESS)


def _covered(face: Face, other: Face) -> float:
    """The common area as a share of the smaller box."""
    width = min(face.box[2], other.box[2]) - max(face.box[0], other.box[0])
    height = min(face.box[3], other.box[3]) - max(face.box[1], other.box[1])
    return max(width, 0.0) * max(height, 0.0) / max(min(face.area, other.area), 1e-6)
