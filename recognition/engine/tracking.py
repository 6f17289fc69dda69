"""Which faces of a film belong together: boxes followed from frame to frame.

After ByteTrack (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022): sure
boxes are given to tracks first, doubtful ones to those that are left, so that a face which turns away or is covered in
part keeps its track. Boxes move on at the speed that they had (an alpha-beta filter in place of a Kalman filter).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recognition.engine.types import Face

SURE = 0.5  # score of a box that may begin a track
LEAST_IOU = 0.25  # of a box and a track that go together
DOUBTFUL_IOU = 0.5
FOLLOW, STEADY = 0.7, 0.25  # how much of what was seen counts for place and size, and for speed
PATIENCE = 1.0  # seconds that a track is looked for after it was last seen
FAST = 3.0  # heads a second; a box never moves on faster than that

Boxes = NDArray[np.float64]


@dataclass(slots=True, eq=False)
class Track:
    """One face over time. face: as it was seen last. box: where it is thought to be, also while it is not seen.

    first, last: seconds, when it was seen. hits: in how many frames.
    """

    number: int
    face: Face
    first: float
    last: float
    hits: int = 1
    box: Boxes = field(default_factory=lambda: np.zeros(4))
    speed: Boxes = field(default_factory=lambda: np.zeros(4))
    at: float = 0.0

    def __post_init__(self) -> None:
        self.box = np.asarray(self.face.box, np.float64)
        self.at = self.last

    @property
    def age(self) -> float:
        """Seconds between the first and the last time that it was seen."""
        return self.last - self.first

    def expect(self, at: float) -> None:
        """Move on to this time."""
        size = max(1.0, float(self.box[2] - self.box[0]))
        self.speed = np.clip(self.speed, -FAST * size, FAST * size)
        self.box = self.box + self.speed * max(0.0, at - self.at)
        self.at = at

    def see(self, face: Face, at: float) -> None:
        """It was seen here; called after `expect`."""
        seen = np.asarray(face.box, np.float64)
        error = seen - self.box
        elapsed = max(1e-3, at - self.last)
        self.box = self.box + FOLLOW * error
        self.speed = self.speed + STEADY * error / elapsed
        self.face, self.last, self.hits = face, at, self.hits + 1


class Tracker:
    """Keeps the tracks of one film. Not safe to use from several threads."""

    def __init__(self, *, patience: float = PATIENCE, sure: float = SURE) -> None:
        self.tracks: list[Track] = []
        self._patience = patience
        self._sure = sure
        self._last = 0

    def update(self, faces: Sequence[Face], at: float) -> tuple[list[Track], list[Track]]:
        """Take in the faces of the frame of this time (seconds, rising). Returns the tracks that were seen in it, and
        those that have ended."""
        for track in self.tracks:
            track.expect(at)
        sure = [face for face in faces if face.score >= self._sure]
        doubtful = [face for face in faces if face.score < self._sure]
        seen, left, new = _give(self.tracks, sure, LEAST_IOU, at)
        late, left, _ = _give(left, doubtful, DOUBTFUL_IOU, at)
        ended = [track for track in left if at - track.last > self._patience]
        begun = [self._begin(face, at) for face in new]
        self.tracks = [track for track in self.tracks if track not in ended] + begun
        return seen + late + begun, ended

    def end(self) -> list[Track]:
        """The film is over; the tracks that were still looked for."""
        ended, self.tracks = self.tracks, []
        return ended

    def _begin(self, face: Face, at: float) -> Track:
        self._last += 1
        return Track(self._last, face, at, at)


def _give(
    tracks: Sequence[Track], faces: Sequence[Face], least: float, at: float
) -> tuple[list[Track], list[Track], list[Face]]:
    """Give each face to the track that it fits; returns tracks that got one, tracks and faces that are left."""
    if not tracks or not faces:
        return [], list(tracks), list(faces)
    overlap = iou(np.stack([track.box for track in tracks]), np.array([face.box for face in faces]))
    pairs: dict[int, int] = {}
    # The best pair first: faces do not lie upon one another, so that the best sum would hardly ever be another one.
    for place in np.argsort(-overlap, axis=None, kind="stable"):
        row, column = divmod(int(place), len(faces))
        if overlap[row, column] < least:
            break
        if row not in pairs and column not in pairs.values():
            pairs[row] = column
            tracks[row].see(faces[column], at)
    taken = set(pairs.values())
    return (
        [tracks[row] for row in pairs],
        [track for row, track in enumerate(tracks) if row not in pairs],
        [face for column, face in enumerate(faces) if column not in taken],
    )


def iou(first: Boxes, second: Boxes) -> Boxes:
    """(n, m) intersection over union of (n, 4) and (m, 4) boxes: left, top, right, bottom."""
    a, b = first[:, None, :], second[None, :, :]
    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    common = np.clip(width, 0, None) * np.clip(height, 0, None)
    areas = _area(first)[:, None] + _area(second)[None, :] - common
    return np.asarray(common / np.maximum(areas, 1e-9))


def _area(boxes: Boxes) -> Boxes:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
