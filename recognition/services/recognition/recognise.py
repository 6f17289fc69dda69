"""Answering who is in a picture (identify, 1:N) and whether it is a certain person (verify, 1:1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from django.db import transaction
from django.utils.translation import gettext

from recognition.engine.quality import PROBE, unlit
from recognition.engine.types import Floats, Image, Match
from recognition.models import Decision, Identity, ModelVersion, ThresholdPolicy
from recognition.services import metrics, webhooks
from recognition.services.analysis import SeenFace, Timings, get_analyzer, quality_dict
from recognition.services.errors import Conflict, NotFound
from recognition.services.gallery import AnyGallery
from recognition.services.recognition import pictures as probe_pictures
from recognition.services.recognition import shadow, strangers
from recognition.services.recognition.answers import (
    Asker,
    Candidate,
    FaceAnswer,
    Identification,
    Verification,
)
from recognition.services.recognition.in_force import in_force, policy_in_force
from recognition.services.recognition.pictures import decode_probe
from recognition.services.thresholds import judge
from recognition.services.turns import in_turn

MAX_FACES = 20
KEPT_CANDIDATES = 5
MOST_CANDIDATES = 100
PRESENT = """
    SELECT id, external_id, name, status, user_id FROM recognition_identity
    WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE
"""
IDENTIFYING = Asker()
VERIFYING = Asker(kind=Decision.Kind.VERIFY)


@in_turn
def identify(
    data: bytes,
    *,
    top: int = KEPT_CANDIDATES,
    asker: Asker = IDENTIFYING,
    record: bool = True,
    worth: Callable[[FaceAnswer], bool] | None = None,
    probe: UUID | None = None,
) -> Identification:
    """Decide who each face of the picture is. Raises Invalid when the bytes are no usable picture.

    top: how many candidates of each face are answered, at most ``MOST_CANDIDATES``. worth: which faces are worth a
    record, for whoever sends many pictures of the same people; a picture without a face is then not recorded. probe:
    the number of the picture, where it has one.
    """
    answer = Identification(probe=probe or uuid4())
    timings = answer.timings
    top = max(1, min(top, MOST_CANDIDATES))
    with timings.step("total"):
        image = decode_probe(data, timings)
        with timings.step("gallery"):
            policy, gallery = in_force()
        seen = get_analyzer().find(image, PROBE, timings)[:MAX_FACES]
        if not seen:
            answer.reason = "too_dark" if unlit(image) else "no_face"
        seen = _with_vectors(seen, policy.model_version, timings)
        with timings.step("search"):
            ranked = _search(gallery, seen, max(top, KEPT_CANDIDATES))
        with timings.step("decide"), transaction.atomic():
            people = _present(match.identity_id for row in ranked for match in row)
            # A person erased since the search is no candidate any more.
            ranked = [[match for match in row if match.identity_id in people] for row in ranked]
            answer.faces = [_decide(s, row, people, policy, top) for s, row in zip(seen, ranked, strict=True)]
            chosen = [place for place, face in enumerate(answer.faces) if worth is None or worth(face)]
            decisions = []
            if record and (chosen or worth is None):
                decisions = _record(answer, chosen, ranked, asker, policy, gallery)
                probe_pictures.keep(answer.probe, image)
                if answer.faces:
                    strangers.keep(decisions, [answer.faces[place] for place in chosen], image, policy)
    if answer.faces and decisions:
        for place, decision in zip(chosen, decisions, strict=True):
            answer.faces[place] = replace(answer.faces[place], decision_id=decision.pk)
        shadow.compare_search(decisions, [seen[place] for place in chosen], timings)
    _count(decisions, timings)
    return answer


def _count(decisions: Iterable[Decision], timings: Timings) -> None:
    """What is done about decisions as soon as they are committed."""
    webhooks.wake()
    for decision in decisions:
        metrics.DECISIONS.labels(decision.kind, decision.outcome, decision.reason).inc()
    metrics.stages(timings.ms)


def identify_together(
    faces: Sequence[SeenFace],
    *,
    asker: Asker,
    picture: Image | None = None,
    worth: Callable[[FaceAnswer], bool] = lambda _: True,
) -> FaceAnswer:
    """Decide who several looks at one face show, such as those of a film: their mean is searched.

    faces: at least one, all of them good enough, the best first. picture: what may be kept with the decision. worth:
    whether the answer is worth a record.
    """
    timings = Timings()
    policy, gallery = in_force()
    vectors = get_analyzer().embed([face.crop for face in faces], timings, version=policy.model_version)
    mean = vectors.mean(axis=0)
    face = replace(faces[0], vector=np.asarray(mean / np.linalg.norm(mean), np.float32))
    (row,) = _search(gallery, [face], KEPT_CANDIDATES)
    with transaction.atomic():
        people = _present(match.identity_id for match in row)
        row = [match for match in row if match.identity_id in people]
        answer = Identification(faces=[_decide(face, row, people, policy, KEPT_CANDIDATES)])
        if not worth(answer.faces[0]):
            return answer.faces[0]
        (decision,) = decisions = _record(answer, [0], [row], asker, policy, gallery)
        if picture is not None:
            probe_pictures.keep(answer.probe, picture)
            strangers.keep(decisions, answer.faces, picture, policy, whole=True)
    shadow.compare_search(decisions, [face], timings)
    _count(decisions, timings)
    return replace(answer.faces[0], decision_id=decision.pk)


def _search(gallery: AnyGallery, seen: Sequence[SeenFace], count: int) -> list[list[Match]]:
    """The best people for each face, best first; none for a face without a vector."""
    vectors = [face.vector for face in seen if face.vector is not None]
    found: Iterator[list[Match]] = iter(gallery.search(np.stack(vectors), count) if vectors else [])
    return [next(found) if face.vector is not None else [] for face in seen]


def _present(numbers: Iterable[int]) -> dict[int, Identity]:
    """These people, as far as they are still there, and kept from being erased until the end of the transaction.

    Else a decision written a moment after an erasure would mention the person again.
    """
    wanted = sorted(set(numbers))
    return {person.pk: person for person in Identity.objects.raw(PRESENT, [wanted])} if wanted else {}


def _with_vectors(seen: Sequence[SeenFace], version: ModelVersion, timings: Timings) -> list[SeenFace]:
    """Embed the faces that are good enough, in one batch."""
    good = [face for face in seen if face.quality.ok]
    crops = [face.crop for face in good]
    vectors: Iterator[Floats] = iter(get_analyzer().embed(crops, timings, version=version) if good else [])
    return [replace(face, vector=next(vectors)) if face.quality.ok else face for face in seen]


def _decide(
    seen: SeenFace, row: Sequence[Match], people: dict[int, Identity], policy: ThresholdPolicy, top: int
) -> FaceAnswer:
    if seen.vector is None:
        return FaceAnswer(seen, Decision.Outcome.REJECTED, seen.quality.reasons[0])
    candidates = tuple(Candidate(people[match.identity_id], match.score) for match in row[:top])
    reason = judge([match.score for match in row], policy)
    if reason:
        return FaceAnswer(seen, Decision.Outcome.NO_MATCH, reason, candidates)
    return FaceAnswer(seen, Decision.Outcome.MATCH, "", candidates, people[row[0].identity_id])


def _record(
    answer: Identification,
    chosen: Sequence[int],
    ranked: Sequence[Sequence[Match]],
    asker: Asker,
    policy: ThresholdPolicy,
    gallery: AnyGallery,
) -> list[Decision]:
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
            candidates=[
                {"identity": m.identity_id, "score": round(m.score, 6)} for m in row[:KEPT_CANDIDATES]
            ],
            quality=quality_dict(face.seen.quality),
            generation=gallery.generation,
            change_number=gallery.change_number,
        )
        for face, row in ((answer.faces[place], ranked[place]) for place in chosen)
    ]
    if not rows:
        rows = [_row(asker, policy, answer.probe, outcome=Decision.Outcome.REJECTED, reason=answer.reason)]
    return Decision.objects.bulk_create(rows)


def record_refusal(*, asker: Asker, reason: str, liveness: dict[str, Any]) -> None:
    """Nobody was looked for, because it could not be seen that somebody was there in person."""
    row = _row(asker, policy_in_force(), uuid4(), outcome=Decision.Outcome.REJECTED, reason=reason)
    row.liveness = liveness
    row.save()
    _count([row], Timings())


def _row(asker: Asker, policy: ThresholdPolicy, probe: UUID, **fields: Any) -> Decision:
    return Decision(
        kind=asker.kind,
        api_key=asker.api_key,
        user_id=asker.user_id,
        liveness=asker.liveness,
        camera_id=asker.camera_id,
        probe=probe,
        policy=policy,
        model_version_id=policy.model_version_id,
        **fields,
    )


@in_turn
def verify_identity(
    data: bytes,
    *,
    identity: Identity,
    asker: Asker = VERIFYING,
    record: bool = True,
) -> Verification:
    """Whether the largest face of the picture is this person's.

    Raises Invalid for unusable bytes, Conflict when the person is suspended or has no ready photo, NotFound when it
    was erased meanwhile.
    """
    if identity.status != Identity.Status.ACTIVE:
        raise Conflict("suspended", gettext("This person is suspended."))
    timings = Timings()
    image = decode_probe(data, timings)
    policy, gallery = in_force()
    face = _main_face(image, policy.model_version, timings)
    vector = None if face is None else face.vector
    match = None if vector is None else gallery.score(vector, identity.pk)
    with transaction.atomic():
        if not _present([identity.pk]):
            raise NotFound("unknown_person", gettext("This person was erased meanwhile."))
        if identity.pk not in gallery or (vector is not None and match is None):
            raise Conflict("not_enrolled", gettext("This person has no photo that is ready."))
        answer = _verification([face], match.score if match else None, policy, timings)
        if record:
            score = answer.score
            probe = uuid4()
            probe_pictures.keep(probe, image)
            decision = _row(
                asker,
                policy,
                probe,
                outcome=answer.decision,
                reason=answer.reason,
                identity=identity,
                score=score,
                candidates=[] if score is None else [{"identity": identity.pk, "score": round(score, 6)}],
                quality=quality_dict(face.quality) if face else {},
                generation=gallery.generation,
                change_number=gallery.change_number,
            )
            decision.save()
    if record and face is not None:
        shadow.compare_claim(decision, face, identity.pk, timings)
    _count([decision] if record else [], timings)
    return answer


@in_turn
def verify_images(
    first: bytes, second: bytes, *, asker: Asker = VERIFYING, record: bool = True
) -> Verification:
    """Whether the largest faces of two pictures are one person's. Raises Invalid for unusable bytes."""
    timings = Timings()
    pictures = [decode_probe(first, timings), decode_probe(second, timings)]
    policy = policy_in_force()
    faces = [_main_face(image, policy.model_version, timings) for image in pictures]
    vectors = [face.vector for face in faces if face is not None and face.vector is not None]
    score = float(vectors[0] @ vectors[1]) if len(vectors) == 2 else None
    answer = _verification(faces, score, policy, timings)
    decisions = []
    if record:
        fields: dict[str, Any] = {"outcome": answer.decision, "reason": answer.reason, "score": answer.score}
        if found := [face for face in faces if face is not None]:
            fields["quality"] = quality_dict(min((face.quality for face in found), key=lambda q: q.score))
        with transaction.atomic():
            probe = uuid4()
            probe_pictures.keep(probe, *pictures)
            decisions = [_row(asker, policy, probe, **fields)]
            decisions[0].save()
    _count(decisions, timings)
    return answer


def _main_face(image: Image, version: ModelVersion, timings: Timings) -> SeenFace | None:
    seen = get_analyzer().find(image, PROBE, timings)[:1]
    return _with_vectors(seen, version, timings)[0] if seen else None


def _verification(
    faces: Sequence[SeenFace | None], score: float | None, policy: ThresholdPolicy, timings: Timings
) -> Verification:
    found = tuple(face for face in faces if face is not None)
    threshold = policy.verify_threshold
    if score is None:
        useless = next(face for face in faces if face is None or face.vector is None)
        reason = "no_face" if useless is None else useless.quality.reasons[0]
        return Verification(Decision.Outcome.REJECTED, None, threshold, reason, found, timings)
    if score < threshold:
        return Verification(Decision.Outcome.NO_MATCH, score, threshold, "not_the_same", found, timings)
    return Verification(Decision.Outcome.MATCH, score, threshold, "", found, timings)
