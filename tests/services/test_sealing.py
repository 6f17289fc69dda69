"""What is sealed: unreadable without the key, found out when changed, and lost for ever with the key."""

from __future__ import annotations

import os

import numpy as np
import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection

from recognition import sealing
from recognition.engine.types import GalleryError
from recognition.models import DataKey, Embedding, Identity, Photo, ProbePicture, StoredFile
from recognition.services.enrolment import move_photo, photos
from recognition.services.files import read_file, reseal
from recognition.services.gallery.live import LiveGallery
from recognition.services.gallery.log import record_change
from recognition.services.gallery.vectors import load_vectors
from recognition.services.identities import erasure, merging, people
from recognition.services.recognition import recognise
from tests.fakes import person_jpeg, person_vector

pytestmark = pytest.mark.django_db
KEY = bytes(range(32))


@pytest.fixture(autouse=True)
def no_remembered_keys():
    sealing.forget_all_keys()
    yield
    sealing.forget_all_keys()


def raw(table: str, column: str) -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")
        return [bytes(row[0]) for row in cursor.fetchall()]


@pytest.mark.parametrize("data", [b"", b"x", os.urandom(100_000)])
def test_there_and_back(data):
    sealed = sealing.seal(data, 7, KEY)
    assert sealing.is_sealed(sealed)
    assert sealing.key_number(sealed) == 7
    assert len(sealed) == len(data) + sealing.OVERHEAD
    assert sealing.open_with(sealed, KEY) == data
    assert sealing.seal(data, 7, KEY) != sealed


def test_every_changed_byte_is_found_out():
    sealed = sealing.seal(b"a vector", 7, KEY)
    for place in range(len(sealing.MAGIC), len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(sealing.Damaged):
            sealing.open_with(bytes(changed), KEY)
    for length in range(len(sealed)):
        with pytest.raises(sealing.Damaged):
            sealing.open_with(sealed[:length], KEY)


def test_nothing_in_the_database_is_in_the_clear(enrol, settings):
    settings.KEEP_PROBES_DAYS = 7
    ann = enrol(1)
    recognise.identify(person_jpeg(1, variant=5))
    files, vectors = raw("recognition_storedfile", "content"), raw("recognition_embedding", "vector")
    assert (len(files), len(vectors)) == (5, 2)
    assert all(map(sealing.is_sealed, files + vectors))
    for kept in Embedding.objects.all():
        data = np.asarray(kept.vector, "<f4").tobytes()
        assert not any(data[:16] in sealed for sealed in vectors)
    photo = ann.photos.first()
    assert photo.image.open().read().startswith(b"\xff\xd8")
    assert default_storage.open(photo.image.name).read().startswith(sealing.MAGIC)
    wrapped = raw("recognition_datakey", "wrapped")
    assert len(wrapped) == 2  # Ann's, and the picture's
    assert {len(one) for one in wrapped} == {60}


def test_each_person_has_a_key_of_their_own(enrol):
    ann, bo = enrol(1), enrol(2)
    keys = {photo.key_id for photo in ann.photos.all()}
    assert keys == set(ann.data_keys.values_list("pk", flat=True))
    assert keys | {photo.key_id for photo in bo.photos.all()} == set(
        DataKey.objects.values_list("pk", flat=True)
    )
    assert len(DataKey.objects.all()) == 2


def test_vectors_come_back_bit_by_bit():
    ann = people.create_identity(name="Ann")
    from recognition.services.analysis import active_model

    vector = person_vector(3) * np.float32(1.0000001)
    row = Embedding.objects.create(identity=ann, model_version=active_model(), vector=vector, source="x")
    assert np.array_equal(Embedding.objects.get().vector, vector)
    row.source = "y"
    row.save()
    assert np.array_equal(Embedding.objects.get().vector, vector)
    with pytest.raises(TypeError):
        Embedding.objects.update(vector=vector)


def test_without_the_key_it_is_lost_whoever_has_the_rest(enrol):
    ann, bo = enrol(1), enrol(2)
    keys = list(ann.data_keys.values_list("pk", flat=True))
    DataKey.objects.filter(pk__in=keys).delete()  # as in a backup that was restored without
    sealing.forget_keys(keys)
    with pytest.raises(FileNotFoundError):
        read_file(ann.photos.first().image)
    with pytest.raises(sealing.KeyGone):
        Embedding.objects.filter(identity=ann).first()
    record_change(None)
    assert LiveGallery().current().identities() == [bo.pk]


def test_erasing_destroys_the_keys(enrol, settings, django_capture_on_commit_callbacks):
    settings.KEEP_PROBES_DAYS = 7
    ann = enrol(1)
    sealed = raw("recognition_embedding", "vector")
    recognise.identify(person_jpeg(1, variant=5))
    with django_capture_on_commit_callbacks(execute=True):
        erasure.erase(ann)
    assert not DataKey.objects.exists()
    for one in sealed:
        with pytest.raises(sealing.KeyGone):
            sealing.open_sealed(one)


def test_another_site_key_opens_nothing_and_says_so(enrol, settings, client):
    ann = enrol(1)
    own = settings.SITE_KEYS
    settings.SITE_KEYS = ["another key, as long as one should be"]
    sealing.forget_all_keys()
    with pytest.raises(sealing.WrongSiteKey, match="Bring back SITE_KEY"):
        read_file(ann.photos.first().image)
    with pytest.raises(GalleryError, match="Bring back SITE_KEY"):
        LiveGallery().current()
    receipt = erasure.erase(ann)  # people can be erased all the same
    assert {row["sha256"] for row in receipt["files"] + receipt["vectors"]} == {""}
    settings.SITE_KEYS = own


def test_the_former_site_key_opens_what_it_sealed(enrol, settings):
    ann = enrol(1)
    settings.SITE_KEYS = ["another key, as long as one should be", *settings.SITE_KEYS]
    sealing.forget_all_keys()
    assert read_file(ann.photos.first().image).startswith(b"\xff\xd8")
    assert LiveGallery().current().identities() == [ann.pk]


def test_a_damaged_vector_is_left_out_and_the_others_count(enrol):
    ann, bo = enrol(1, photo_count=1), enrol(2)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE recognition_embedding SET vector = set_byte(vector, 100, get_byte(vector, 100) # 1)"
            " WHERE identity_id = %s",
            [ann.pk],
        )
    from recognition.services.analysis import active_model

    owners, vectors = load_vectors(active_model())
    assert owners.tolist() == [bo.pk] * 2
    assert vectors.shape == (2, 512)


def test_pictures_in_the_clear_are_read_as_they_are(enrol):
    photo = enrol(1).photos.first()
    picture = read_file(photo.image)
    StoredFile.objects.filter(name=photo.image.name).update(content=picture)
    assert read_file(Photo.objects.get(pk=photo.pk).image) == picture


def test_merged_photos_are_read_and_go_with_whom_they_went_to(enrol, django_capture_on_commit_callbacks):
    ann, bo = enrol(1), enrol(2, account=False)
    merging.merge(into=ann, other=bo)
    for photo in ann.photos.all():
        assert read_file(photo.image).startswith(b"\xff\xd8")
    assert not DataKey.objects.exclude(identity=ann).exists()
    erasure.erase(ann)
    assert not DataKey.objects.exists()


def moved(photo: Photo, to: Identity) -> Photo:
    Photo.objects.filter(pk=photo.pk).update(identity=to)
    Embedding.objects.filter(photo=photo).update(identity=to)
    return Photo.objects.get(pk=photo.pk)


def test_a_moved_photo_is_sealed_anew(enrol):
    ann, bo = enrol(1), enrol(2)
    photo = moved(ann.photos.first(), bo)
    picture, vector = read_file(photo.image), photo.embeddings.get().vector
    reseal(photo)
    photo = Photo.objects.get(pk=photo.pk)
    assert photo.key_id == bo.data_keys.get().pk == photo.embeddings.get().key_id
    assert sealing.key_number(default_storage.open(photo.image.name).read()) == photo.key_id
    assert read_file(photo.image) == picture
    assert np.array_equal(photo.embeddings.get().vector, vector)
    files = StoredFile.objects.count()
    reseal(photo)  # again it changes nothing
    assert StoredFile.objects.count() == files == 8


def test_a_photo_that_is_moved_in_review_goes_to_the_other_persons_key(enrol):
    ann, bo = enrol(1), enrol(2)
    photo = photos.add_photo(identity=bo, data=person_jpeg(1, variant=8))
    photos.process_photos([photo.pk])
    photo.refresh_from_db()
    assert photo.state == Photo.State.REVIEW
    move_photo(photo, ann)
    photos.process_photos([photo.pk])
    photo = Photo.objects.get(pk=photo.pk)
    assert photo.key_id == photo.embeddings.get().key_id == ann.data_keys.get().pk
    for stored in (photo.image, photo.crop):
        assert sealing.key_number(default_storage.open(stored.name).read()) == photo.key_id
    erasure.erase(bo)
    assert read_file(photo.image)


def test_nobody_elses_photo_is_lost_with_a_person(enrol):
    """Even where whoever moved it did not seal it anew."""
    ann, bo = enrol(1), enrol(2)
    photo = moved(ann.photos.first(), bo)
    picture, vector = read_file(photo.image), photo.embeddings.get().vector
    erasure.erase(ann)
    sealing.forget_all_keys()
    photo = Photo.objects.get(pk=photo.pk)
    assert read_file(photo.image) == picture
    assert np.array_equal(photo.embeddings.get().vector, vector)


def test_a_kept_picture_takes_its_key_with_it(settings):
    settings.KEEP_PROBES_DAYS = 7
    recognise.identify(person_jpeg(1))
    (picture,) = ProbePicture.objects.all()
    assert read_file(picture.image).startswith(b"\xff\xd8")
    settings.KEEP_PROBES_DAYS = 0
    from recognition.services.recognition import purge_probe_pictures

    assert purge_probe_pictures() == 1
    assert not DataKey.objects.exists()


def test_a_process_forgets_keys(enrol, monkeypatch):
    number = enrol(1).data_keys.get().pk
    sealing.key_by_number(number)
    DataKey.objects.all().delete()
    assert sealing.key_by_number(number)  # for a minute at most
    later = sealing.time.monotonic() + sealing.CACHE_SECONDS + 1
    monkeypatch.setattr(sealing.time, "monotonic", lambda: later)
    with pytest.raises(sealing.KeyGone):
        sealing.key_by_number(number)


def test_many_are_enrolled_with_few_queries(django_assert_max_num_queries):
    from tests.galleries import enrol_vectors

    with django_assert_max_num_queries(20):
        enrol_vectors(50, 2)
    assert DataKey.objects.count() == 50


def test_photos_elsewhere_are_sealed_too(monkeypatch, tmp_path):
    for field in ("image", "crop"):
        monkeypatch.setattr(Photo._meta.get_field(field), "storage", FileSystemStorage(location=tmp_path))
    ann = people.create_identity(name="Ann")
    photo = photos.add_photo(identity=ann, data=person_jpeg(3))
    photos.process_photos([photo.pk])
    kept = [path.read_bytes() for path in tmp_path.rglob("*.jpg")]
    assert len(kept) == 2
    assert all(map(sealing.is_sealed, kept))
    photo.refresh_from_db()
    assert read_file(photo.crop).startswith(b"\xff\xd8")
