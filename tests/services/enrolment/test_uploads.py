"""Several files at once: each is taken or refused for itself."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from recognition.models import Photo
from recognition.services.enrolment.uploads import keep_uploads, read_uploads
from recognition.services.identities import people
from tests.fakes import person_jpeg

pytestmark = pytest.mark.django_db


def test_good_and_bad_together():
    ann = people.create_identity(name="Ann")
    good = person_jpeg(1)
    files = [
        SimpleUploadedFile("good.jpg", good),
        SimpleUploadedFile("text.jpg", b"hello"),
        SimpleUploadedFile("empty.jpg", b""),
        SimpleUploadedFile("again.jpg", good),
        SimpleUploadedFile("other.jpg", person_jpeg(1, variant=1)),
    ]
    uploads = read_uploads(files)
    assert len(uploads.prepared) == 3
    kept = keep_uploads(ann, uploads)
    assert [photo.filename for photo in kept] == ["good.jpg", "other.jpg"]
    assert [(refusal.filename, refusal.code) for refusal in uploads.refused] == [
        ("text.jpg", "unreadable"),
        ("empty.jpg", "empty"),
        ("again.jpg", "duplicate"),
    ]
    assert str(uploads.refused[0]).startswith("text.jpg: The file is not a picture")
    assert Photo.objects.count() == 2


def test_a_file_that_is_too_large_is_not_even_read():
    class Huge:
        name = None
        size = 16 * 2**20

        def read(self):
            raise AssertionError("was read")

    (refusal,) = read_uploads([Huge()]).refused
    assert (refusal.filename, refusal.code) == ("a file without a name", "too_large")
