"""Handing in, choosing a face, deleting: what is kept, what is refused, what is left behind."""

from __future__ import annotations

import hashlib
from io import BytesIO

import PIL.Image
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from recognition.models import Embedding, GalleryChange, Photo, StoredFile
from recognition.services.enrolment import photos, preparing
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.gallery.live import live_gallery
from recognition.services.identities import erasure, people
from tests.fakes import person_jpeg, person_picture, wall_jpeg
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return people.create_identity(name="Ann")


@pytest.fixture
def sent(monkeypatch):
    """The tasks that were sent, with their arguments."""
    tasks = []
    monkeypatch.setattr("recognition.services.queue._send", lambda task, args: tasks.append((task, *args)))
    return tasks


def add(identity, data, process=True, filename="photo.jpg"):
    photo = photos.add_photo(identity=identity, data=data, filename=filename)
    if process:
        photos.process_photos([photo.pk])
        photo.refresh_from_db()
    return photo


class TestAdding:
    def test_a_photo_waits_and_is_enqueued_after_the_commit(
        self, ann, sent, django_capture_on_commit_callbacks
    ):
        data = person_jpeg(1)
        with django_capture_on_commit_callbacks() as callbacks:
            photo = photos.add_photo(identity=ann, data=data, filename="holiday.jpg")
        assert sent == []
        for callback in callbacks:
            callback()
        assert sent == [("recognition.process_photos", [photo.pk])]
        assert (photo.state, photo.filename) == ("waiting", "holiday.jpg")
        assert photo.sha256 == hashlib.sha256(data).hexdigest()
        assert (photo.width, photo.height) == PIL.Image.open(BytesIO(data)).size

    def test_the_kept_picture_has_no_metadata_and_is_bounded(self, ann):
        picture = PIL.Image.fromarray(person_picture(1, size=1500))
        exif = PIL.Image.Exif()
        exif[0x010F] = "SecretCamera"
        buffer = BytesIO()
        picture.save(buffer, "JPEG", exif=exif, comment=b"at home")
        photo = photos.add_photo(identity=ann, data=buffer.getvalue())
        kept = photo.image.read()
        assert b"SecretCamera" not in kept
        assert b"at home" not in kept
        assert max(PIL.Image.open(BytesIO(kept)).size) == 2000 == max(photo.width, photo.height)

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("/etc/passwd", "passwd"),
            ("C:\\Users\\ann\\me.jpg", "me.jpg"),
            ("a\x00b.jpg", "ab.jpg"),
            ("x" * 300 + ".jpg", "x" * 255),
            ("bad\udc80name.jpg", "bad?name.jpg"),
            ("", ""),
        ],
    )
    def test_file_names_are_made_harmless(self, ann, given, kept):
        assert photos.add_photo(identity=ann, data=person_jpeg(1), filename=given).filename == kept

    def test_the_same_file_twice_is_a_duplicate(self, ann):
        add(ann, person_jpeg(1))
        with pytest.raises(Conflict) as caught:
            photos.add_photo(identity=ann, data=person_jpeg(1))
        assert caught.value.code == "duplicate"
        assert Photo.objects.count() == 1

    def test_the_same_file_for_somebody_else_is_none(self, ann):
        add(ann, person_jpeg(1))
        photo = add(people.create_identity(name="Ben"), person_jpeg(1))
        assert (photo.state, photo.reason, photo.resembles) == ("review", "looks_like_another", ann)

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "empty"),
            (b"hello", "unreadable"),
            (person_jpeg(1)[:400], "unreadable"),
            (b"\xff" * (15 * 2**20 + 1), "too_large"),
        ],
    )
    def test_an_unusable_file_leaves_nothing(self, ann, data, code):
        with pytest.raises(Invalid) as caught:
            photos.add_photo(identity=ann, data=data)
        assert caught.value.code == code
        assert not Photo.objects.exists()
        assert not StoredFile.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def test_of_two_who_hand_in_one_file_one_is_told_that_it_is_there(self, ann):
        def hand_in():
            try:
                return photos.add_photo(identity=ann, data=person_jpeg(1)).state
            except Conflict as error:
                return error.code

        assert sorted(at_once(hand_in, hand_in, hand_in)) == ["duplicate", "duplicate", "waiting"]
        assert StoredFile.objects.count() == 1

    def test_a_photo_for_somebody_who_is_erased_meanwhile(self, ann):
        prepared, _ = preparing.prepare_photo(person_jpeg(1))
        erasure.erase(ann)
        with pytest.raises(NotFound):
            photos.keep_photo(identity=ann, prepared=prepared)
        assert not StoredFile.objects.exists()
        assert not Photo.objects.exists()


class TestChoosing:
    def test_the_admin_chooses_and_the_photo_is_enrolled(self, ann, sent, django_capture_on_commit_callbacks):
        photo = add(ann, person_jpeg(1, 2))
        assert (photo.state, photo.reason, photo.chosen_face) == ("rejected", "several_faces", None)
        assert photo.quality == {}
        assert not photo.crop
        with django_capture_on_commit_callbacks(execute=True):
            photos.choose_face(photo=photo, face=1)
        assert sent[-1] == ("recognition.process_photos", [photo.pk])
        photos.process_photos([photo.pk])
        photo.refresh_from_db()
        assert (photo.state, photo.reason, photo.chosen_face) == ("ready", "", 1)
        assert photo.quality["reasons"] == []
        assert photo.crop.size > 0

    def test_another_choice_takes_the_first_vector_out_at_once(self, ann):
        photo = add(ann, person_jpeg(1, 2))
        photos.choose_face(photo=photo, face=0)
        photos.process_photos([photo.pk])
        assert ann.pk in live_gallery.current()
        photos.choose_face(photo=photo, face=1)
        assert ann.pk not in live_gallery.current()
        assert not Embedding.objects.exists()

    def test_the_same_choice_again_keeps_the_vector_in(self, ann):
        photo = add(ann, person_jpeg(1, 2))
        photos.choose_face(photo=photo, face=0)
        photos.process_photos([photo.pk])
        photos.choose_face(photo=photo, face=0)
        assert ann.pk in live_gallery.current()

    @pytest.mark.parametrize("face", [-1, 2, 99])
    def test_a_face_that_is_not_there(self, ann, face):
        photo = add(ann, person_jpeg(1, 2))
        with pytest.raises(Invalid) as caught:
            photos.choose_face(photo=photo, face=face)
        assert caught.value.code == "unknown_face"
        assert "Faces in the photo: 2." in str(caught.value)

    def test_not_while_it_is_being_processed(self, ann):
        photo = add(ann, person_jpeg(1, 2))
        Photo.objects.update(state="processing")
        with pytest.raises(Conflict) as caught:
            photos.choose_face(photo=photo, face=0)
        assert caught.value.code == "busy"

    def test_a_deleted_photo(self, ann):
        photo = add(ann, person_jpeg(1, 2))
        Photo.objects.filter(pk=photo.pk).delete()
        with pytest.raises(NotFound):
            photos.choose_face(photo=photo, face=0)


class TestDeleting:
    def test_nothing_is_left_and_the_person_is_not_found_by_it(self, ann):
        photo = add(ann, person_jpeg(1))
        assert ann.pk in live_gallery.current()
        photos.delete_photo(photo)
        assert ann.pk not in live_gallery.current()
        for model in (Photo, Embedding, StoredFile):
            assert not model.objects.exists()

    def test_twice_is_nothing(self, ann):
        photo = add(ann, wall_jpeg())
        photos.delete_photo(photo)
        before = GalleryChange.objects.count()
        photos.delete_photo(photo)
        assert GalleryChange.objects.count() == before

    def test_files_outside_of_the_database_go_only_when_the_row_is_really_gone(
        self, ann, tmp_path, monkeypatch, django_capture_on_commit_callbacks
    ):
        folder = FileSystemStorage(location=tmp_path)
        for field in ("image", "crop"):
            monkeypatch.setattr(Photo._meta.get_field(field), "storage", folder)
        photo = add(ann, person_jpeg(1))
        assert len(_files(tmp_path)) == 2
        with django_capture_on_commit_callbacks() as callbacks:
            photos.delete_photo(photo)
        assert len(_files(tmp_path)) == 2
        for callback in callbacks:
            callback()
        assert _files(tmp_path) == []

    def test_a_photo_that_cannot_be_kept_leaves_no_file_outside(self, ann, tmp_path, monkeypatch):
        monkeypatch.setattr(Photo._meta.get_field("image"), "storage", FileSystemStorage(location=tmp_path))
        prepared, _ = preparing.prepare_photo(person_jpeg(1))
        photos.keep_photo(identity=ann, prepared=prepared)
        with pytest.raises(Conflict):
            photos.keep_photo(identity=ann, prepared=prepared)
        assert len(_files(tmp_path)) == 1


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_stored_file_cannot_be_overwritten(ann):
    photo = add(ann, wall_jpeg())
    stored = photo.image.storage.open(photo.image.name).read()
    name = photo.image.storage.save(photo.image.name, ContentFile(b"other"))
    assert name != photo.image.name
    assert photo.image.storage.open(photo.image.name).read() == stored
