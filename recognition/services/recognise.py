"""Answering who is in a picture (identify, 1:N) and whether it is a certain person (verify, 1:1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from recognition.engine import images
from recognition.engine.quality import PROBE
from recognition.engine.types import Floats, Image, ImageError, Match
from recognition.models import ApiKey, Decision, Identity, ThresholdPolicy
from recognition.services.analysis import SeenFace, Timings, get_analyzer, quality_dict
from recognition.services.errors import Conflict, Invalid
from recognition.services.live_gallery import live_gallery
from recognition.services.policies import active_policy

MAX_FACES = 20
MAX_PROBE_SIDE = 2000
KEPT_CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class Asker:
    """On whose behalf a probe is decided; kept with the decision."""

    kind: str = Decision.Kind.IDENTIFY
    api_key: ApiKey | None = None
    user_id: int | None = None


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
    """The decision about one face. ``decision`` is match, no_match or rejected; ``reason`` says why not match."""

    seen: SeenFace
    decision: str
    reason: str = ""
    candidates: tuple[Candidate, ...] = ()
    identity: Identity | None = None

    def as_dict(self) -> dict[str, Any]:
        return self.seen.as_dict() | {
            "decision": self.decision,
            "reason": self.reason,
            "candidates": [candidate.as_dict() for candidate in self.candidates],
        }


@dataclass(slots=True)
class Identification:
    """All faces of a picture, best (largest) first, and what each step took in milliseconds."""

    faces: list[FaceAnswer] = field(default_factory=list)
    timings: Timings = field(default_factory=Timings)
    probe: UUID = field(default_factory=uuid4)

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
            "faces": [face.as_dict() for face in self.faces],
            "timings_ms": self.timings.ms,
        }


def identify(
    data: bytes, *, top: int = KEPT_CANDIDATES, asker: Asker = Asker(), record: bool = True
) -> Identification:
    """Decide who each face of the picture is. Raises Invalid when the bytes are no usable picture."""
    answer = Identification()
    timings = answer.timings
    with timings.step("decode"):
        image = decode_probe(data)
    seen = get_analyzer().find(image, PROBE, timings)[:MAX_FACES]
    seen = _with_vectors(seen, timings)
    usable = [face.vector for face in seen if face.vector is not None]
    policy = active_policy()
    with timings.step("search"):
        gallery = live_gallery.current()
        matches = iter(gallery.search(_stack(usable), max(top, KEPT_CANDIDATES)) if usable else [])
    with timings.step("decide"):
        ranked = [next(matches) if face.vector is not None else [] for face in seen]
        people = Identity.objects.in_bulk({m.identity_id for row in ranked for m in row})
        answer.faces = [_decide(s, row, people, policy, top) for s, row in zip(seen, ranked, strict=True)]
        if record:
            _record(answer, ranked, asker, policy, gallery.generation, gallery.change_number)
    return answer


def decode_probe(data: bytes) -> Image:
    try:
        return images.decode(data, max_side=MAX_PROBE_SIDE)
    except ImageError as error:
        raise Invalid(error.code, str(error)) from None


def _with_vectors(seen: Sequence[SeenFace], timings: Timings) -> list[SeenFace]:
    """Embed the faces that are good enough, in one batch."""
    good = [face for face in seen if face.quality.ok]
    vectors = iter(get_analyzer().embed([face.crop for face in good], timings) if good else [])
    return [
        SeenFace(face.face, face.crop, face.quality, next(vectors)) if face.quality.ok else face for face in seen
    ]


def _stack(vectors: Sequence[Floats]) -> Floats:
    import numpy as np

    return np.stack(vectors)


def _decide(
    seen: SeenFace, row: Sequence[Match], people: dict[int, Identity], policy: ThresholdPolicy, top: int
) -> FaceAnswer:
    if seen.vector is None:
        return FaceAnswer(seen, Decision.Outcome.REJECTED, seen.quality.reasons[0])
    # A person erased since the search is no candidate any more.
    present = [match for match in row if match.identity_id in people]
    candidates = tuple(Candidate(people[match.identity_id], match.score) for match in present[:top])
    reason = judge([match.score for match in present], policy)
    if reason:
        return FaceAnswer(seen, Decision.Outcome.NO_MATCH, reason, candidates)
    return FaceAnswer(seen, Decision.Outcome.MATCH, "", candidates, people[present[0].identity_id])


def judge(scores: Sequence[float], policy: ThresholdPolicy) -> str:
    """Why the best of these scores (best first) is no match in 1:N; empty when it is one."""
    if not scores or scores[0] < policy.identify_threshold:
        return "not_recognised"
    if len(scores) > 1 and scores[0] - scores[1] < policy.margin:
        return "ambiguous"
    return ""


def _record(
    answer: Identification,
    ranked: Sequence[Sequence[Match]],
    asker: Asker,
    policy: ThresholdPolicy,
    generation: int,
    change_number: int,
) -> None:
    rows = [
        _row(
            asker,
            policy,
            answer.probe,
            outcome=face.decision,
            reason=face.reason,
            identity=face.identity,
            score=row[0].score if row else None,
            margin=row[0].score - row[1].score if len(row) > 1 else None,
            candidates=[{"identity": m.identity_id, "score": round(m.score, 6)} for m in row],
            quality=quality_dict(face.seen.quality),
            generation=generation,
            change_number=change_number,
        )
        for face, row in zip(answer.faces, ranked, strict=True)
    ]
    if not rows:
        rows = [_row(asker, policy, answer.probe, outcome=Decision.Outcome.REJECTED, reason="no_face")]
    Decision.objects.bulk_create(rows)


def _row(asker: Asker, policy: ThresholdPolicy, probe: UUID, **fields: Any) -> Decision:
    return Decision(
        kind=asker.kind,
        api_key=asker.api_key,
        user_id=asker.user_id,
        probe=probe,
        policy=policy,
        model_version_id=policy.model_version_id,
        **fields,
    )


def verify_identity(data: bytes, *, identity: Identity, asker: Asker = Asker(kind=Decision.Kind.VERIFY)) -> Verification:
    """Whether the largest face of the picture is this person's.

    Raises Invalid for unusable bytes, Conflict when the person is suspended or has no ready photo.
    """
    if identity.status != Identity.Status.ACTIVE:
        raise Conflict("suspended", "This person is suspended.")
    timings = Timings()
    face = _main_face(data, timings)
    policy = active_policy()
    gallery = live_gallery.current()
    if identity.pk not in gallery:
        raise Conflict("not_enrolled", "This person has no photo that is ready.")
    match = gallery.score(face.vector, identity.pk) if face is not None and face.vector is not None else None
    answer = _verification([face], match.score if match else None, policy, timings)
    _row(
        asker,
        policy,
        uuid4(),
        outcome=answer.decision,
        reason=answer.reason,
        identity=identity,
        score=answer.score,
        candidates=[{"identity": identity.pk, "score": answer.score}] if answer.score is not None else [],
        quality=quality_dict(face.quality) if face else {},
        generation=gallery.generation,
        change_number=gallery.change_number,
    ).save()
    return answer


def verify_images(
    first: bytes, second: bytes, *, asker: Asker = Asker(kind=Decision.Kind.VERIFY), record: bool = True
) -> Verification:
    """Whether the largest faces of two pictures are one person's. Raises Invalid for unusable bytes."""
    timings = Timings()
    faces = [_main_face(first, timings), _main_face(second, timings)]
    policy = active_policy()
    vectors = [face.vector for face in faces if face is not None and face.vector is not None]
    score = float(vectors[0] @ vectors[1]) if len(vectors) == 2 else None
    answer = _verification(faces, score, policy, timings)
    if record:
        _row(
            asker, policy, uuid4(), outcome=answer.decision, reason=answer.reason, score=answer.score
        ).save()
    return answer


def _main_face(data: bytes, timings: Timings) -> SeenFace | None:
    with timings.step("decode"):
        image = decode_probe(data)
    seen = get_analyzer().find(image, PROBE, timings)[:1]
    return _with_vectors(seen, timings)[0] if seen else None


def _verification(
    faces: Sequence[SeenFace | None], score: float | None, policy: ThresholdPolicy, timings: Timings
) -> Verification:
    found = tuple(face for face in faces if face is not None)
    threshold = policy.verify_threshold
    if score is None:
        reasons = ["no_face" if face is None else face.quality.reasons[0] for face in faces if face is None or face.vector is None]
        return Verification(Decision.Outcome.REJECTED, None, threshold, reasons[0], found, timings)
    if score < threshold:
        return Verification(Decision.Outcome.NO_MATCH, score, threshold, "not_the_same", found, timings)
    return Verification(Decision.Outcome.MATCH, score, threshold, "", found, timings)
