"""What identify and verify answer, in the one shape of command line and API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from recognition.models import ApiKey, Decision, Identity
from recognition.services.analysis import SeenFace, Timings


@dataclass(frozen=True, slots=True)
class Asker:
    """On whose behalf a probe is decided, and what spoke for a living person; kept with the decision.

    camera_id: of a `Camera` that saw the face by itself.
    """

    kind: str = Decision.Kind.IDENTIFY
    api_key: ApiKey | None = None
    user_id: int | None = None
    liveness: dict[str, Any] | None = None
    camera_id: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    identity: Identity
    score: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "external_id": self.identity.external_id,
            "name": self.identity.name,
            "score": round(self.score, 4),
        }


@dataclass(frozen=True, slots=True)
class FaceAnswer:
    """The decision about one face. ``decision`` is match, no_match or rejected; ``reason`` says why not match.

    decision_id: the number of the `Decision` that records it, None where none does.
    """

    seen: SeenFace
    decision: str
    reason: str = ""
    candidates: tuple[Candidate, ...] = ()
    identity: Identity | None = None
    decision_id: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return self.seen.as_answer() | {
            "decision": self.decision,
            "reason": self.reason,
            "candidates": [candidate.as_dict() for candidate in self.candidates],
        }


@dataclass(slots=True)
class Identification:
    """All faces of a picture, best (largest) first, and what each step took in milliseconds.

    reason: why there is none, ``no_face`` or ``too_dark``; empty when there are some.
    """

    faces: list[FaceAnswer] = field(default_factory=list)
    timings: Timings = field(default_factory=Timings)
    probe: UUID = field(default_factory=uuid4)
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"faces": [face.as_dict() for face in self.faces], "timings_ms": self.timings.ms}


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether two faces are one person's. ``score`` is None when a face could not be used."""

    decision: str
    score: float | None
    threshold: float
    reason: str = ""
    faces: tuple[SeenFace, ...] = ()
    timings: Timings = field(default_factory=Timings)

    def as_dict(self) -> dict[str, Any]:
        return {
            "decision": self.decision,
            "reason": self.reason,
            "score": None if self.score is None else round(self.score, 4),
            "threshold": round(self.threshold, 4),
            "faces": [face.as_answer() for face in self.faces],
            "timings_ms": self.timings.ms,
        }
