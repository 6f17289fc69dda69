"""Many enrolled people at once without pictures, and folders of fake photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recognition.engine.types import Floats
from recognition.models import Embedding, Identity
from recognition.services.analysis.installed import active_model
from recognition.services.enrolment import photos as photo_service
from recognition.services.enrolment import review
from recognition.services.gallery.log import record_change
from tests.fakes import person_jpeg, wall_jpeg


def labelled_vectors(
    people: int, photos: int, *, spread: float = 0.9, seed: int = 0, dimensions: int = 512
) -> tuple[np.ndarray, Floats]:
    """Owners 0 .. people - 1 and unit vectors; two of one person score about 1 / (1 + spread^2)."""
    random = np.random.default_rng(seed)
    owners = np.repeat(np.arange(people), photos)
    centres = random.standard_normal((people, dimensions))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    noise = random.standard_normal((len(owners), dimensions))
    vectors = centres[owners] + spread * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return owners, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def enrol_vectors(people: int, photos: int = 3, **how: float) -> tuple[np.ndarray, Floats]:
    """Enrol so many people by their vectors alone; returns owners (primary keys) and vectors."""
    owners, vectors = labelled_vectors(people, photos, **how)  # type: ignore[arg-type]
    start = Identity.objects.count()
    rows = Identity.objects.bulk_create(
        Identity(name=f"Person {n}", external_id=f"V{n}") for n in range(start, start + people)
    )
    version = active_model()
    Embedding.objects.bulk_create(
        Embedding(identity=rows[owner], model_version=version, vector=vector, source=f"{n}.jpg")
        for n, (owner, vector) in enumerate(zip(owners, vectors, strict=True))
    )
    record_change(*(row.pk for row in rows))
    return np.array([rows[owner].pk for owner in owners]), vectors


def process_as_theirs(*photo_ids: int) -> None:
    """Process photos, and confirm those that look like somebody else, as staff may."""
    photo_service.process_photos(photo_ids)
    for photo in review.photos_in_review().filter(pk__in=photo_ids):
        review.confirm_photo(photo)
        photo_service.process_photos([photo.pk])


def people_folder(folder: Path, people: int = 4, photos: int = 3, *, walls: int = 0) -> Path:
    """``folder/Person_3/Person_3_0001.jpg`` ...; the first people also have photos without a face."""
    for person in range(people):
        home = folder / f"Person_{person}"
        home.mkdir(parents=True)
        for photo in range(photos):
            (home / f"Person_{person}_{photo + 1:04d}.jpg").write_bytes(person_jpeg(person, variant=photo))
        if person < walls:
            (home / f"Person_{person}_{photos + 1:04d}.jpg").write_bytes(wall_jpeg(person))
    return folder
