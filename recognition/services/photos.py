"""Enrolment photos: handing in, finding the face, choosing among several, removing."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePath
from uuid import uuid4

from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from recognition.engine import images
from recognition.engine.quality import ENROLMENT
from recognition.engine.types import REASONS, Floats, Image, ImageError
from recognition.models import Embedding, Identity, ModelVersion, Photo
from recognition.services import queue
from recognition.services.analysis import SeenFace, get_analyzer, quality_dict
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.live_gallery import record_change
from recognition.services.people import delete_files
from recognition.services.policies import active_model

log = logging.getLogger(__name__)

MAX_SIDE = 2000
MAX_ATTEMPTS = 3
CLAIM_LASTS = timedelta(minutes=5)
# A face in the background much smaller than the largest one is nobody's rival for the photo.
RIVAL_SHARE = 0.4


@dataclass(slots=True)
class Finding:
    """What was found in one photo. ``vector`` is None when it is rejected, then ``reason`` says why."""

    faces: list[SeenFace] = field(default_factory=list)
    chosen: int | None = None
    reason: str = ""
    vector: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPhoto:
    """A picture that was read, bounded and re-encoded; nothing of its file's metadata is left."""

    sha256: str
    filename: str
    width: int
    height: int
    jpeg: bytes

    def as_row(self, identity: Identity) -> Photo:
        """An unsaved photo of the person."""
        photo = Photo(
            identity=identity,
            filename=self.filename,
            sha256=self.sha256,
            height=self.height,
            width=self.width,
        )
        photo.image = ContentFile(self.jpeg, name=f"{uuid4().hex}.jpg")  # type: ignore[assignment]
        return photo


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def prepare_photo(data: bytes, filename: str = "") -> tuple[PreparedPhoto, Image]:
    """Read a file that was handed in; the pixels come along. Raises Invalid when it is no usable picture.

    Touches no database.
    """
    try:
        image = images.decode(data, max_side=MAX_SIDE)
    except ImageError as error:
        raise Invalid(error.code, str(error)) from None
    name = PurePath(filename.replace("\\", "/").replace("\x00", "")).name[:255]
    height, width = image.shape[:2]
    return PreparedPhoto(digest_of(data), name, width, height, images.encode_jpeg(image)), image


def add_photo(*, identity: Identity, data: bytes, filename: str = "") -> Photo:
    """Keep a photo of the person and enqueue its processing.

    Raises Invalid when the bytes are no usable picture and Conflict when this very file is already there.
    """
    if Photo.objects.filter(identity=identity, sha256=digest_of(data)).exists():
        raise Conflict("duplicate", REASONS["duplicate"])
    return keep_photo(identity=identity, prepared=prepare_photo(data, filename)[0])


def keep_photo(*, identity: Identity, prepared: PreparedPhoto) -> Photo:
    """Keep a photo that was read before, and enqueue its processing. Raises Conflict when it is already there."""
    photo = prepared.as_row(identity)
    try:
        with transaction.atomic():
            photo.save()
            queue.enqueue(queue.PROCESS_PHOTOS, [photo.pk])
    except IntegrityError:
        raise _duplicate_or_gone(photo) from None
    return photo


def _duplicate_or_gone(photo: Photo) -> Exception:
    if Identity.objects.filter(pk=photo.identity_id).exists():
        return Conflict("duplicate", REASONS["duplicate"])
    return NotFound("unknown_person", "This person was erased meanwhile.")


def process_photos(photo_ids: Sequence[int]) -> int:
    """Find the face in each of these photos and enrol it. Photos that are gone or done are passed over.

    Returns how many were processed. Safe to run twice and in several workers at once: each photo is claimed first.
    """
    claimed = _claim(photo_ids)
    version = active_model()
    for photo in claimed:
        try:
            with photo.image.open("rb") as file:
                image = images.decode(file.read())
            finding = examine(image, _chosen_box(photo))
        except (ImageError, FileNotFoundError):
            finding = Finding(reason="unreadable")
        store(photo, finding, version)
    return len(claimed)


def _claim(photo_ids: Sequence[int]) -> list[Photo]:
    now = timezone.now()
    unfinished = Q(state=Photo.State.WAITING) | Q(
        state=Photo.State.PROCESSING, claimed_at__lt=now - CLAIM_LASTS
    )
    with transaction.atomic():
        rows = Photo.objects.filter(unfinished, pk__in=photo_ids).select_for_update(skip_locked=True)
        photos = list(rows)
        for photo in photos:
            photo.attempts += 1
            exhausted = photo.attempts > MAX_ATTEMPTS
            photo.state = Photo.State.REJECTED if exhausted else Photo.State.PROCESSING
            photo.reason = "failed" if exhausted else ""
            photo.claimed_at = now
        Photo.objects.bulk_update(photos, ["attempts", "state", "reason", "claimed_at"])
    return [photo for photo in photos if photo.state == Photo.State.PROCESSING]


def _chosen_box(photo: Photo) -> Sequence[float] | None:
    if photo.chosen_face is not None and photo.chosen_face < len(photo.faces):
        box: Sequence[float] = photo.faces[photo.chosen_face]["box"]
        return box
    return None


def examine(image: Image, chosen_box: Sequence[float] | None = None) -> Finding:
    """Find the one face to enrol. Touches no database."""
    analyzer = get_analyzer()
    faces = analyzer.find(image, ENROLMENT)
    finding = Finding(faces=faces)
    if not faces:
        finding.reason = "no_face"
        return finding
    if chosen_box is not None:
        finding.chosen = max(range(len(faces)), key=lambda i: _overlap(faces[i].face.box, chosen_box))
    elif len(faces) > 1 and faces[1].quality.size >= RIVAL_SHARE * faces[0].quality.size:
        finding.reason = "several_faces"
        return finding
    else:
        finding.chosen = 0
    face = faces[finding.chosen]
    if not face.quality.ok:
        finding.reason = face.quality.reasons[0]
        return finding
    finding.vector = analyzer.embed([face.crop])[0]
    return finding


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (both - width * height)


def store(photo: Photo, finding: Finding, version: ModelVersion) -> None:
    """Write what was found. A photo that was deleted or taken over meanwhile is left alone."""
    with transaction.atomic():
        # The person before the photo, as erasing and merging lock them: the other order ends in a deadlock.
        Identity.objects.select_for_update(no_key=True).filter(pk=photo.identity_id).first()
        current = Photo.objects.select_for_update().filter(pk=photo.pk, state=Photo.State.PROCESSING).first()
        if current is None or current.attempts != photo.attempts:
            return
        if save_finding(current, finding, version):
            record_change(current.identity_id)


def save_finding(photo: Photo, finding: Finding, version: ModelVersion) -> bool:
    """Save the photo with what was found, its crop and its vector.

    True when the gallery changes by it, which the caller has to record.
    """
    photo.faces = [face.as_dict() for face in finding.faces]
    photo.chosen_face = finding.chosen
    photo.reason = finding.reason
    photo.processed_at = timezone.now()
    photo.state = Photo.State.READY if finding.vector is not None else Photo.State.REJECTED
    if finding.chosen is not None:
        face = finding.faces[finding.chosen]
        photo.quality = quality_dict(face.quality)
        if photo.crop:
            photo.crop.delete(save=False)
        photo.crop.save(f"{uuid4().hex}.jpg", ContentFile(images.encode_jpeg(face.crop)), save=False)
    photo.save()
    # Vectors of the face that the photo stood for before, if it was another one.
    stale = Embedding.objects.filter(photo=photo)
    if finding.vector is None:
        return stale.delete()[0] > 0
    stale.exclude(model_version=version).delete()
    Embedding.objects.update_or_create(
        photo=photo,
        model_version=version,
        defaults={"identity_id": photo.identity_id, "vector": finding.vector},
    )
    return True


def choose_face(*, photo: Photo, face: int) -> Photo:
    """Say which of the faces found is the person's, and enqueue the photo again."""
    with transaction.atomic():
        current = Photo.objects.select_for_update().filter(pk=photo.pk).first()
        if current is None:
            raise NotFound("unknown_photo", "This photo was deleted meanwhile.")
        if not 0 <= face < len(current.faces):
            raise Invalid("unknown_face", f"The photo has {len(current.faces)} faces; choose one of them.")
        if current.state in (Photo.State.WAITING, Photo.State.PROCESSING):
            raise Conflict("busy", "The photo is being processed. Try again in a moment.")
        current.chosen_face = face
        current.state = Photo.State.WAITING
        current.reason = ""
        current.attempts = 0
        current.save(update_fields=["chosen_face", "state", "reason", "attempts"])
        queue.enqueue(queue.PROCESS_PHOTOS, [current.pk])
    return current


def delete_photo(photo: Photo) -> None:
    """Remove the photo, its crop and its vector; the person is recognised without it from the next request on."""
    with transaction.atomic():
        current = Photo.objects.select_for_update().filter(pk=photo.pk).first()
        if current is None:
            return
        delete_files(current)
        current.delete()
        record_change(current.identity_id)


def sweep_photos(older_than: timedelta = timedelta(minutes=1)) -> int:
    """Enqueue photos again that wait for longer than they should: their message was lost or their worker died."""
    now = timezone.now()
    left = Photo.objects.filter(
        Q(state=Photo.State.WAITING, created_at__lt=now - older_than)
        | Q(state=Photo.State.PROCESSING, claimed_at__lt=now - CLAIM_LASTS)
    ).values_list("pk", flat=True)
    ids = list(left[:1000])
    for start in range(0, len(ids), 20):
        queue.enqueue(queue.PROCESS_PHOTOS, ids[start : start + 20])
    return len(ids)
