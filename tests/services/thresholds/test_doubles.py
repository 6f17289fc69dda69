"""One person by two names is found before their scores set a threshold."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.engine.measures.identification import Enrolled, leave_one_out
from recognition.models import Embedding, Identity
from recognition.services.analysis import active_model
from recognition.services.errors import Invalid
from recognition.services.thresholds.calibration import Wish, from_enrolled, propose
from recognition.services.thresholds.doubles import doubles
from tests.galleries import enrol_vectors, labelled_vectors


def found(owners: np.ndarray, vectors: np.ndarray) -> list[tuple[int, int]]:
    gallery = Enrolled.of(owners, vectors)
    return doubles(gallery, leave_one_out(gallery))


@pytest.mark.parametrize("spread", [0.5, 0.9, 1.4])
def test_strangers_are_no_doubles(spread: float) -> None:
    assert found(*labelled_vectors(200, 5, spread=spread, dimensions=64)) == []


@pytest.mark.parametrize("spread", [0.5, 0.9])
@pytest.mark.parametrize("photos", [3, 8])
def test_people_by_two_names(spread: float, photos: int) -> None:
    """Eight people have as many photos again under another name, all of them different."""
    owners, vectors = labelled_vectors(60, 2 * photos, spread=spread)
    second = (owners < 8) & (np.arange(len(owners)) % (2 * photos) >= photos)
    pairs = found(np.where(second, owners + 100, owners), vectors)
    assert set(pairs) <= {(n, n + 100) for n in range(8)}
    assert len(pairs) >= 4  # made-up scores hardly vary, so a person of fewer photos is just below the others


def test_faces_that_the_model_cannot_tell_apart_are_no_doubles() -> None:
    """All of ten people look like each other, as on hard photos."""
    owners, vectors = labelled_vectors(60, 5, spread=0.5)
    crowd = owners < 10
    vectors[crowd] = vectors[0] + 0.3 * vectors[crowd]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert found(owners, vectors) == []


def test_one_person_by_three_names() -> None:
    owners, vectors = labelled_vectors(40, 12, spread=0.5)
    third = np.arange(len(owners)) % 12 // 4
    copies = owners == 0
    vectors[copies] = np.tile(vectors[copies][:4], (3, 1))
    owners = np.where(copies, 100 * third, owners + 1000)
    assert set(found(owners, vectors)) == {(0, 100), (0, 200), (100, 200)}


def test_one_photo_says_too_little() -> None:
    owners, vectors = labelled_vectors(20, 3, spread=0.5)
    owners, vectors = np.append(owners, 99), np.vstack([vectors, vectors[:1]])
    assert found(owners, vectors) == []


def test_nobody_with_two_photos() -> None:
    assert found(*labelled_vectors(10, 1)) == []


def copied(owners: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.append(owners, np.full(4, 999)), np.vstack([vectors, vectors[:4]])


def test_calibration_refuses_and_names_the_pair() -> None:
    labelled = copied(*labelled_vectors(60, 4, spread=0.6))
    wish = {"fmr": 1e-3, "fpir": 4e-4}
    with pytest.raises(Invalid, match="person 0 and person 999") as error:
        propose(*labelled, Wish(**wish), source="", mirrored=False, name_of="person {}".format)
    assert error.value.code == "same_person_twice"
    spoilt = propose(*labelled, Wish(**wish, twins=True), source="", mirrored=False)
    clean = propose(*labelled_vectors(60, 4, spread=0.6), Wish(**wish), source="", mirrored=False)
    assert spoilt.identify_threshold > clean.identify_threshold + 0.2


def test_the_enrolled_are_named(db: None) -> None:
    _, vectors = enrol_vectors(30, 4, spread=0.6)
    again = Identity.objects.create(name="Ann again", external_id="again")
    Embedding.objects.bulk_create(
        Embedding(identity=again, model_version=active_model(), vector=vector, source=f"again {n}.jpg")
        for n, vector in enumerate(vectors[:4])
    )
    with pytest.raises(Invalid, match=r"Person 0 \(V0\) and Ann again \(again\)"):
        from_enrolled(Wish(fmr=1e-2, fpir=0.1, people=30))
