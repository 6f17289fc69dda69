"""Choosing another face of a photo that was in use."""

from __future__ import annotations

import pytest

from recognition.engine.images import encode_jpeg
from recognition.models import Embedding
from recognition.services.enrolment import photos
from recognition.services.identities import people
from recognition.services.recognition import recognise
from tests.accounts.conftest import fresh_state  # noqa: F401
from tests.fakes import person_jpeg, person_picture


@pytest.fixture
def photo(db):
    """A large face, enrolled, beside one that is too small to be."""
    picture = person_picture(3, 5, size=160)
    small = person_picture(7, size=40)
    picture[: small.shape[0], -small.shape[1] :] = small
    identity = people.create_identity(name="Ann")
    photo = photos.add_photo(identity=identity, data=encode_jpeg(picture[:, 260:]))
    photos.process_photos([photo.pk])
    photo.refresh_from_db()
    assert photo.state == "ready", photo.reason
    return photo


def test_a_face_that_is_not_good_enough_takes_the_old_vector_away(photo):
    assert recognise.identify(person_jpeg(5, variant=2)).faces[0].identity == photo.identity
    photos.choose_face(photo=photo, face=1)
    photos.process_photos([photo.pk])
    photo.refresh_from_db()
    assert (photo.state, photo.reason) == ("rejected", "too_small")
    assert not Embedding.objects.exists()
    assert recognise.identify(person_jpeg(5, variant=2)).faces[0].decision == "no_match"
