"""Enrolment photos: handing in, processing, choosing among several faces, removing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from django.core.files.base import ContentFile
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from recognition.engine import images
from recognition.engine.types import EngineError, ImageError
from recognition.models import Embedding, Identity, ModelVersion, Photo
from recognition.services import identities, queue
from recognition.services.analysis import active_model, follow_choice, get_analyzer, hold_in_use, quality_dict
from recognition.services.clock import not_recent
from recognition.services.enrolment import photo_batches
from recognition.services.enrolment.claims import claim, let_go, lost, put_back, still_claimed
from recognition.services.enrolment.examination import Finding, examine
from recognition.services.enrolment.gates import doubt_about
from recognition.services.enrolment.photo_batches import said_of
from recognition.services.enrolment.preparing import PreparedPhoto, digest_of, prepare_photo
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.files import discard_files_of, remove_file, remove_files_of, reseal
from recognition.services.gallery import record_change
from recognition.services.wording import reason_text

log = logging.getLogger(__name__)

MESSAGE_PHOTOS = 20  # in one message of the sweep


def add_photo(*, identity: Identity, data: bytes, filename: str = "") -> Photo:
    """Keep a photo of the person and enqueue its processing.

    Raises Invalid when the bytes are no usable picture and Conflict when this very file is already there.
    """
    if Photo.objects.filter(identity=identity, sha256=digest_of(data)).exists():
        raise Conflict("duplicate", reason_text("duplicate"))
    return keep_photo(identity=identity, prepared=prepare_photo(data, filename)[0])


def keep_photo(*, identity: Identity, prepared: PreparedPhoto, by_themselves: bool = False) -> Photo:
    """Keep a photo that was read before, and enqueue its processing.

    by_themselves: the person handed it in, and no member of staff looked on.
    Raises Conflict when it is already there, and when consent is lacking or was withdrawn.
    """
    identities.demand_consent(identity)
    photo = prepared.as_row(identity)
    photo.by_themselves = by_themselves
    try:
        with transaction.atomic():
            photo.save()
            queue.enqueue(queue.PROCESS_PHOTOS, [photo.pk])
    except IntegrityError:
        discard_files_of(photo)
        raise _duplicate_or_gone(photo) from None
    return photo


def _duplicate_or_gone(photo: Photo) -> Exception:
    if Identity.objects.filter(pk=photo.identity_id).exists():
        return Conflict("duplicate", reason_text("duplicate"))
    return NotFound("unknown_person", gettext("This person was erased meanwhile."))


def process_photos(photo_ids: Sequence[int]) -> int:
    """Find the face in each of these photos and enrol it. Photos that are gone or done are passed over.

    Returns how many were processed. Safe to run twice and in several workers at once. Each photo is claimed just
    before its turn, so that one that kills the worker takes no attempts from those beside it; for batches on a GPU
    `photo_batches` says how that is.
    Raises EngineError when no photo can be processed at present; they stay waiting then.
    """
    version = active_model()
    follow_choice()
    if get_analyzer().batches:
        return photo_batches.process(photo_ids, version, alone=_process, store=store)
    claimed = (claim(pk) for pk in photo_ids)
    return sum(_process(photo, version) for photo in claimed if photo is not None)


def _process(photo: Photo, version: ModelVersion) -> bool:
    try:
        finding = _look_at(photo, version)
    except EngineError:
        put_back(photo)  # it is not to blame
        raise
    except DatabaseError:
        raise
    except Exception:
        log.exception("photo %s could not be processed (attempt %s)", photo.pk, photo.attempts)
        let_go(photo)
        return False
    store(photo, finding, version)
    return True


def _look_at(photo: Photo, version: ModelVersion) -> Finding:
    try:
        with photo.image.open("rb") as file:
            image = images.decode(file.read())
    except (ImageError, FileNotFoundError):
        return Finding(reason="unreadable")
    return examine(image, said_of(photo), version=version)


def store(photo: Photo, finding: Finding, version: ModelVersion) -> None:
    """Write what was found. A photo that was deleted or taken over meanwhile is left alone.

    When another model came into use meanwhile, the photo waits to be looked at by that.
    """
    with transaction.atomic():
        if finding.vector is not None and not hold_in_use(version):
            if put_back(photo):
                queue.enqueue(queue.PROCESS_PHOTOS, [photo.pk])
            return
        current = lock_photo(photo, still_claimed(photo))
        if current is not None and save_finding(current, finding, version):
            record_change(current.identity_id)


def lock_photo(photo: Photo, rows: QuerySet[Photo]) -> Photo | None:
    """The photo, if it is among the rows still, locked after its person, as erasing and merging do: the other order
    ends in a deadlock."""
    owner: int | None = photo.identity_id
    while owner is not None:
        Identity.objects.select_for_update(no_key=True).filter(pk=owner).first()
        current = rows.filter(identity=owner).select_for_update().first()
        if current is not None:
            return current
        owner = rows.values_list("identity_id", flat=True).first()  # another one's since a merge
    return None


def save_finding(photo: Photo, finding: Finding, version: ModelVersion) -> bool:
    """Save the photo with what was found, its crop and its vector. A doubtful one waits for review, without a vector.

    True when the gallery changes by it, which the caller has to record.
    """
    new = photo.pk is None
    if not new and photo.key_id is None:
        reseal(photo)  # of a site that had no keys: its picture is in the clear
    doubt = None
    if finding.vector is not None and not photo.confirmed:
        doubt = doubt_about(finding.vector, photo.identity_id, version, unseen=photo.by_themselves)
    vector = finding.vector if doubt is None else None
    photo.faces = [face.as_dict() for face in finding.faces]
    photo.detector = get_analyzer().detector_spec.name
    photo.chosen_face = finding.chosen
    photo.reason = doubt.reason if doubt else finding.reason
    photo.resembles_id = doubt.resembles if doubt else None
    photo.quality = {}
    photo.processed_at = timezone.now()
    photo.state = Photo.State.REJECTED if vector is None else Photo.State.READY
    if doubt is not None:
        photo.state = Photo.State.REVIEW
    if finding.upright is not None:
        if not new:
            remove_file(photo.image)
        photo.image = ContentFile(finding.upright.jpeg, name=f"{uuid4().hex}.jpg")
        photo.width, photo.height = finding.upright.width, finding.upright.height
    remove_file(photo.crop)
    photo.crop = ""
    if finding.chosen is not None:
        face = finding.faces[finding.chosen]
        photo.quality = quality_dict(face.quality)
        photo.crop.save(f"{uuid4().hex}.jpg", ContentFile(images.encode_jpeg(face.crop)), save=False)
    photo.save()
    # Vectors of the face that the photo stood for before, if it was another one.
    stale = Embedding.objects.none() if new else Embedding.objects.filter(photo=photo)
    if vector is None:
        return stale.delete()[0] > 0
    stale.delete()
    Embedding.objects.create(photo=photo, model_version=version, identity_id=photo.identity_id, vector=vector)
    return True


def choose_face(*, photo: Photo, face: int) -> Photo:
    """Say which of the faces found is the person's, and enqueue the photo again.

    The vector of another face stops counting at once.
    """
    with transaction.atomic():
        current = lock_photo(photo, Photo.objects.filter(pk=photo.pk))
        if current is None:
            raise NotFound("unknown_photo", gettext("This photo was deleted meanwhile."))
        if not 0 <= face < len(current.faces):
            raise Invalid(
                "unknown_face",
                gettext("Faces in the photo: %(number)s. Choose one of them.")
                % {"number": len(current.faces)},
            )
        if current.state in (Photo.State.WAITING, Photo.State.PROCESSING):
            raise Conflict("busy", gettext("The photo is being processed. Try again in a moment."))
        if not current.image:
            raise Conflict(
                "no_picture", gettext("The picture is not kept any more, only its face. Add the photo again.")
            )
        if face != current.chosen_face and current.embeddings.all().delete()[0]:
            record_change(current.identity_id)
        current.accepted = current.accepted and face == current.chosen_face
        current.confirmed = current.confirmed and face == current.chosen_face
        current.chosen_face = face
        look_again(current)
    return current


def accept_photo(photo: Photo) -> Photo:
    """Let a photo count whose face is not fit (covered, too blurred ...), on the word of a member of staff.

    Raises Conflict when it was not rejected for that, and NotFound when it was deleted meanwhile.
    """
    with transaction.atomic():
        current = lock_photo(photo, Photo.objects.filter(pk=photo.pk))
        if current is None:
            raise NotFound("unknown_photo", gettext("This photo was deleted meanwhile."))
        if not acceptable(current):
            raise Conflict(
                "not_acceptable", gettext("Only a photo that was rejected for its quality can be accepted.")
            )
        current.accepted = True
        look_again(current)
    return current


def acceptable(photo: Photo) -> bool:
    """Whether it was rejected for its face's quality alone, so that staff can accept it."""
    return photo.state == Photo.State.REJECTED and photo.reason in photo.quality.get("reasons", ())


def look_again(photo: Photo) -> None:
    """Send a locked photo to the workers, with what was said of it."""
    photo.state = Photo.State.WAITING
    photo.reason = ""
    photo.attempts = 0
    photo.resembles = None
    photo.save(
        update_fields=["accepted", "confirmed", "chosen_face", "resembles", "state", "reason", "attempts"]
    )
    queue.enqueue(queue.PROCESS_PHOTOS, [photo.pk])


def delete_photo(photo: Photo) -> None:
    """Remove the photo, its crop and its vector; the person is recognised without it from the next request on."""
    with transaction.atomic():
        current = lock_photo(photo, Photo.objects.filter(pk=photo.pk))
        if current is None:
            return
        remove_files_of(current)
        current.delete()
        record_change(current.identity_id)


def sweep_photos(older_than: timedelta = timedelta(minutes=1)) -> int:
    """Enqueue photos again that wait for longer than they should: their message was lost or their worker died."""
    waits = Q(state=Photo.State.WAITING) & not_recent("created_at", older_than)
    left = Photo.objects.filter(waits | lost()).values_list("pk", flat=True)
    ids = list(left[:1000])
    for start in range(0, len(ids), MESSAGE_PHOTOS):
        queue.enqueue_again(queue.PROCESS_PHOTOS, ids[start : start + MESSAGE_PHOTOS])
    return len(ids)
