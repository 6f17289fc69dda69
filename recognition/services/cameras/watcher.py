"""Frames go in, faces are followed, and each track gets one decision from its best looks.

Which frames matter: while nobody is there, only those on which something changed; while somebody is there, a quick look
at each and a thorough one where faces are small, or may have come.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import cv2
import numpy as np
from django.db import DatabaseError
from django.utils import timezone

from recognition.engine.finder import PORTRAIT, longer_side
from recognition.engine.images import surroundings
from recognition.engine.quality import PROBE
from recognition.engine.tracking import Track, Tracker
from recognition.engine.types import Face, Floats, Image
from recognition.models import Camera, Decision
from recognition.services.analysis import SeenFace, get_analyzer
from recognition.services.clock import recent
from recognition.services.recognition import Asker, FaceAnswer, identify_together

log = logging.getLogger(__name__)

LOOKS = 3  # of a track that are decided about together
LOOK_PAUSE = 0.15  # seconds between two that are measured
SOON = 1.0  # seconds after which fewer looks are enough
AGAIN = 1.0  # seconds between two attempts to recognise the same track
MOST_ATTEMPTS = 5
BETTER = 1.05  # by how much the looks must have got better for another attempt
THOROUGH = 0.5  # seconds between two looks for small faces
QUIET = 2.0  # seconds after which a picture is looked at although nothing changed
SAME = timedelta(seconds=30)  # a person who leaves the picture and comes back within is recorded once
SIDE = (96, 54)  # pixels, for what changed
LEVEL, SHARE = 12.0, 0.004
SNAPSHOT = 0.8  # how much around the face is kept, as a share of its size


@dataclass(frozen=True, slots=True)
class Label:
    """What is known about a face of a frame. kind: match, no_match or looking."""

    box: tuple[float, float, float, float]
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody was seen. seconds: how long the track was when it was decided."""

    at: datetime
    track: int
    seconds: float
    looks: int
    answer: FaceAnswer


@dataclass(slots=True)
class _Sighting:
    """What is known of a track besides where it is. picture: around its best look."""

    best: list[SeenFace] = field(default_factory=list)
    picture: Image | None = None
    looked: float = -1.0
    attempts: int = 0
    tried: float = -1.0
    tried_with: float = 0.0
    answer: FaceAnswer | None = None
    told: bool = False

    @property
    def worth(self) -> float:
        return sum(look.quality.score for look in self.best)


class Watcher:
    """Watches one film or camera. Not safe to use from several threads.

    camera: whose events these are. record: whether decisions are kept. on_seen: told of every decision.
    """

    def __init__(
        self,
        *,
        camera: Camera | None = None,
        record: bool = True,
        on_seen: Callable[[Seen], Any] = lambda _: None,
    ) -> None:
        self._asker = Asker(kind=Decision.Kind.WATCH, camera_id=camera.pk if camera else None)
        self._record = record
        self._on_seen = on_seen
        self._tracker = Tracker()
        self._sightings: dict[int, _Sighting] = {}
        self._recorded: dict[int, datetime] = {}
        self._before: Floats | None = None
        self._thorough = self._quiet = -np.inf
        self.looked = 0  # frames in which faces were looked for

    @property
    def faces(self) -> int:
        """How many are followed at present."""
        return len(self._tracker.tracks)

    def look(self, image: Image, at: float) -> list[Label]:
        """The next frame, RGB, and its time in seconds; what is known about the faces in it."""
        if not self._matters(image, at):
            self._follow(image, [], at)
            return []
        self.looked += 1
        faces = get_analyzer().glance(image, fine=self._fine(image, at))
        return self._follow(image, faces, at)

    def end(self) -> None:
        """The film is over; tracks that are open are decided."""
        for track in self._tracker.end():
            self._finish(track)

    def _matters(self, image: Image, at: float) -> bool:
        small = cv2.cvtColor(cv2.resize(image, SIDE, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        grey = np.asarray(small, np.float32)
        before, self._before = self._before, grey
        if self._tracker.tracks or before is None or at - self._quiet >= QUIET:
            self._quiet = at
            return True
        change = grey - before
        moved = float((np.abs(change - change.mean()) > LEVEL).mean())
        return moved > SHARE

    def _fine(self, image: Image, at: float) -> bool:
        """Whether small faces are looked for, too: where one is followed, and every half a second."""
        small = PORTRAIT * max(image.shape[:2])
        if at - self._thorough >= THOROUGH or any(longer_side(t.face) < small for t in self._tracker.tracks):
            self._thorough = at
            return True
        return False

    def _follow(self, image: Image, faces: list[Face], at: float) -> list[Label]:
        seen, ended = self._tracker.update(faces, at)
        for track in ended:
            self._finish(track)
        wanted = [track for track in seen if self._wants_look(track, at)]
        looks = get_analyzer().look_at(image, [track.face for track in wanted], PROBE) if wanted else []
        for track, look in zip(wanted, looks, strict=True):
            self._keep(self._sightings[track.number], look, image, at)
        for track in seen:
            if self._is_due(track, at):
                self._decide(track, at, last=False)
        return [self._label(track) for track in seen]

    def _wants_look(self, track: Track, at: float) -> bool:
        sighting = self._sightings.setdefault(track.number, _Sighting())
        known = sighting.answer is not None and sighting.answer.identity is not None
        return not known and at - sighting.looked >= LOOK_PAUSE

    @staticmethod
    def _keep(sighting: _Sighting, look: SeenFace, image: Image, at: float) -> None:
        sighting.looked = at
        if not look.quality.ok:
            return
        best = sorted([*sighting.best, look], key=lambda one: -one.quality.score)[:LOOKS]
        if best[0] is look:
            sighting.picture = surroundings(image, look.face.box, SNAPSHOT)
        sighting.best = best

    def _is_due(self, track: Track, at: float) -> bool:
        sighting = self._sightings[track.number]
        if sighting.told or not sighting.best or sighting.attempts >= MOST_ATTEMPTS:
            return False
        if sighting.attempts and (
            at - sighting.tried < AGAIN or sighting.worth < BETTER * sighting.tried_with
        ):
            return False
        return len(sighting.best) == LOOKS or track.age >= SOON

    def _decide(self, track: Track, at: float, *, last: bool) -> None:
        """Try to recognise it; what is no match is final when the track has ended."""
        sighting = self._sightings[track.number]
        sighting.attempts, sighting.tried, sighting.tried_with = sighting.attempts + 1, at, sighting.worth
        try:
            answer = identify_together(
                sighting.best,
                asker=self._asker,
                picture=sighting.picture,
                worth=lambda answer: self._worth(answer, last),
            )
        except DatabaseError as error:  # it is tried again with the next looks
            log.error("a face could not be decided about: %s", error)
            return
        sighting.answer = answer
        if answer.identity is not None or last:
            self._tell(track, sighting, answer)

    def _worth(self, answer: FaceAnswer, last: bool) -> bool:
        if not self._record:
            return False
        if answer.identity is None:
            return last
        recorded = self._recorded.get(answer.identity.pk)
        return recorded is None or not recent(recorded, SAME)

    def _tell(self, track: Track, sighting: _Sighting, answer: FaceAnswer) -> None:
        sighting.told = True
        now = timezone.now()
        if answer.identity is not None:
            self._recorded = {pk: at for pk, at in self._recorded.items() if recent(at, SAME)}
            self._recorded[answer.identity.pk] = now
        self._on_seen(Seen(now, track.number, round(track.age, 2), len(sighting.best), answer))

    def _finish(self, track: Track) -> None:
        sighting = self._sightings.get(track.number)
        if sighting is not None and not sighting.told and sighting.best:
            self._decide(track, track.last, last=True)
        self._sightings.pop(track.number, None)

    def _label(self, track: Track) -> Label:
        answer = self._sightings[track.number].answer if track.number in self._sightings else None
        if answer is None:
            return Label(track.face.box, "", "looking")
        if answer.identity is None:
            return Label(track.face.box, "?", "no_match")
        return Label(track.face.box, answer.identity.name, "match")
