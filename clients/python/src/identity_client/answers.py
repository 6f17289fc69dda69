"""What the site answers, named as in its OpenAPI document (`/api/v1/schema/`).

A newer site may use words that are not listed here; they are passed on as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Decision = Literal["match", "no_match", "rejected"]
EventKind = Literal["identify", "verify", "login", "watch"]
AttendanceKind = Literal["in", "out"]
PersonStatus = Literal["active", "suspended"]
PhotoState = Literal["waiting", "processing", "ready", "review", "rejected"]
Scope = Literal["identify", "verify", "enrol", "read", "attendance", "admin"]
ImportState = Literal["prepared", "waiting", "running", "done", "failed"]
ImportResult = Literal["planned", "missing", "unused", "taken", "known", "refused"]
LivenessState = Literal["running", "passed", "failed"]
Phase = Literal["settle", "wait", "move", "return"]
Movement = Literal["left", "right", "up", "down", "closer", "back", ""]
LivenessReason = Literal[
    "not_done",
    "other_movement",
    "too_early",
    "lost",
    "several_people",
    "another_face",
    "jumped",
    "interrupted",
    "repeated",
    "flat",
    "screen",
    "light",
    "settle",
    "too_long",
    "",
]
StreamType = Literal[
    "person.recognised",
    "person.not_recognised",
    "person.refused",
    "person.signed_in",
    "attendance.in",
    "attendance.out",
    "missed",
]
Box = tuple[float, float, float, float]
Point = tuple[float, float]
Landmarks = tuple[Point, Point, Point, Point, Point]


@dataclass(frozen=True, slots=True)
class Status:
    """worker: whether somebody processes photos. people: how many can be recognised."""

    kiosk: str
    scopes: tuple[Scope, ...]
    model: str
    detector: str
    people: int
    worker: bool


@dataclass(frozen=True, slots=True)
class PersonName:
    external_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Candidate(PersonName):
    """score: cosine similarity, -1 to 1."""

    score: float


@dataclass(frozen=True, slots=True)
class Quality:
    """size: shorter side of the box in pixels. yaw, pitch, roll: degrees. score: 0 (useless) to 1 (ideal)."""

    size: float
    sharpness: float
    brightness: float
    contrast: float
    yaw: float
    pitch: float
    roll: float
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Face:
    """box: left, top, right, bottom in pixels. landmarks: both eyes, nose, both corners of the mouth."""

    box: Box
    score: float
    landmarks: Landmarks
    quality: Quality


@dataclass(frozen=True, slots=True)
class SeenFace(Face):
    """turned: by how many degrees, clockwise, the face leans in the picture."""

    turned: int


@dataclass(frozen=True, slots=True)
class IdentifiedFace(SeenFace):
    """candidates: best first, also where none is a match. Open the door for `person` only."""

    decision: Decision
    reason: str
    candidates: tuple[Candidate, ...]

    @property
    def person(self) -> Candidate | None:
        """Who it is; None unless the decision is a match."""
        return self.candidates[0] if self.decision == "match" and self.candidates else None


@dataclass(frozen=True, slots=True)
class IdentifyAnswer:
    """faces: largest first, none where there is no face in the picture."""

    faces: tuple[IdentifiedFace, ...]
    timings_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class VerifyAnswer:
    """score: None when a face could not be used. A match is `threshold` or more."""

    decision: Decision
    reason: str
    score: float | None
    threshold: float
    faces: tuple[SeenFace, ...]
    timings_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class FaceAttendance:
    """repeated: it was recorded before; nothing was added."""

    kind: AttendanceKind
    at: datetime
    repeated: bool


@dataclass(frozen=True, slots=True)
class AttendingFace:
    box: Box
    decision: Decision
    reason: str
    person: PersonName | None
    attendance: FaceAttendance | None


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """read: the number of the picture. at: when it was taken, as the server sees it."""

    read: UUID
    at: datetime
    reason: str
    faces: tuple[AttendingFace, ...]


@dataclass(frozen=True, slots=True)
class Consent:
    version: int
    given_at: datetime


@dataclass(frozen=True, slots=True)
class ConsentText:
    """text: to be shown to the person whole. required: whether no photo is taken without consent."""

    version: int
    text: str
    required: bool


@dataclass(frozen=True, slots=True)
class Person:
    """consent: in force, None without. A person without ready photos is not recognised."""

    external_id: str
    name: str
    status: PersonStatus
    photos: int
    ready_photos: int
    consent: Consent | None
    consent_withdrawn_at: datetime | None
    enrolled_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PeoplePage:
    count: int
    next: str | None
    previous: str | None
    results: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Erasure:
    """receipt: signed; it names nobody. Keep it as it is."""

    receipt: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Photo:
    """state: waiting and processing are over soon. reason, message: why it was rejected, as a word and a sentence."""

    id: int
    external_id: str
    filename: str
    state: PhotoState
    reason: str
    message: str
    width: int
    height: int
    faces: tuple[Face, ...]
    chosen_face: int | None
    quality: Quality | None
    added_at: datetime
    processed_at: datetime | None


@dataclass(frozen=True, slots=True)
class PhotosPage:
    count: int
    next: str | None
    previous: str | None
    results: tuple[Photo, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    filename: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class PhotosAdded:
    """photos: those that were taken, to be processed soon. refused: those that were not, and why."""

    photos: tuple[Photo, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """How many rows of an import have which result. planned: to be taken. missing: named by the CSV, not in the zip.
    unused: in the zip, not named. known: there already."""

    planned: int
    missing: int
    unused: int
    taken: int
    known: int
    refused: int


@dataclass(frozen=True, slots=True)
class PhotoStates:
    """How many photos of an import are in which state now."""

    waiting: int
    processing: int
    ready: int
    review: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Import:
    """progress: percent of the photos that are handed on to be processed. understood: how the CSV was read.
    stopped: it was given up while it ran."""

    id: int
    state: ImportState
    progress: int
    message: str
    filename: str
    understood: str
    people: int
    new_people: int
    results: Results
    photos: PhotoStates
    stopped: bool
    created_at: datetime
    updated_at: datetime
    kiosk: str | None = None


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A photo of an import, or a person without one. photo: its number. reason, message: why it was refused or its
    photo rejected, as a word and a sentence."""

    external_id: str
    name: str
    known: bool
    agreed_at: datetime | None
    path: str
    result: ImportResult
    reason: str
    message: str
    photo: int | None
    photo_state: PhotoState | None = None


@dataclass(frozen=True, slots=True)
class ImportRowsPage:
    count: int
    next: str | None
    previous: str | None
    results: tuple[ImportRow, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """A liveness challenge. expires_in: seconds. colours: to be shown in turn, for `colour_ms` each."""

    id: UUID
    nonce: str
    expires_in: int
    frames_a_second: int
    colours: tuple[str, ...]
    colour_ms: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How a challenge goes on. asked: the movement to ask for now. nonce: for the next frames. token: it was passed."""

    state: LivenessState
    phase: Phase
    step: int
    steps: int
    asked: Movement
    done: float
    hint: str
    reason: LivenessReason
    message: str
    nonce: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """person: who was recognised or was to be verified, None when nobody was, or after an erasure."""

    id: int
    at: datetime
    kind: EventKind
    outcome: Decision
    reason: str
    probe: UUID
    person: PersonName | None
    score: float | None
    margin: float | None
    kiosk: str | None = None
    camera: str | None = None


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """id: to go on behind it. event: its type; `missed` where what was asked for is not kept any more. data: JSON."""

    id: str
    event: StreamType
    data: str

    @property
    def content(self) -> dict[str, Any]:
        """What happened: the `data` of a webhook of this type."""
        found: dict[str, Any] = json.loads(self.data).get("data", {})
        return found


@dataclass(frozen=True, slots=True)
class EventsPage:
    results: tuple[Event, ...]
    next: str | None
