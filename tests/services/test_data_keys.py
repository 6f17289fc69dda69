"""The keys of people: rotated while the site runs, exported and brought back, and old photos sealed."""

from __future__ import annotations

import json
import stat

import pytest
from django.db import connection

from identity_site import secret_key
from recognition import sealing
from recognition.models import DataKey, Photo, ProbePicture, StoredFile
from recognition.services import data_keys
from recognition.services.enrolment import photos
from recognition.services.errors import Invalid
from recognition.services.files import read_file
from recognition.services.gallery.live import LiveGallery
from recognition.services.identities import erasure, merging
from recognition.services.recognition import recognise
from tests.fakes import person_jpeg

pytestmark = pytest.mark.django_db
NEW = "the new key of the site, long enough"


@pytest.fixture(autouse=True)
def no_remembered_keys():
    sealing.forget_all_keys()
    yield
    sealing.forget_all_keys()


def names() -> set[str]:
    return set(DataKey.objects.values_list("site_key", flat=True))


def readable(ann) -> bool:
    sealing.forget_all_keys()
    return read_file(ann.photos.first().image).startswith(b"\xff\xd8") and ann.pk in LiveGallery().current()


def test_rotates_and_everything_is_readable_before_between_and_after(enrol, settings):
    ann = enrol(1)
    enrol(2)
    former, before = list(settings.SITE_KEYS), names()
    settings.SITE_KEYS = [NEW, *former]
    assert data_keys.key_state() == data_keys.KeyState(0, 2, 0)
    assert readable(ann)
    DataKey.objects.filter(pk=ann.data_keys.get().pk).update(
        **dict(
            zip(
                ("wrapped", "site_key"),
                sealing.wrap(sealing.key_by_number(ann.data_keys.get().pk)),
                strict=True,
            )
        )
    )
    assert readable(ann)  # half of them rotated
    assert data_keys.rotate_keys() == 1
    assert names().isdisjoint(before)
    assert data_keys.rotate_keys() == 0
    settings.SITE_KEYS = [NEW]
    assert data_keys.key_state() == data_keys.KeyState(2, 0, 0)
    assert readable(ann)
    settings.SITE_KEYS = former
    with pytest.raises(sealing.WrongSiteKey):
        readable(ann)


def test_keys_that_nobody_can_open_are_said_and_the_others_are_rotated(enrol, settings, monkeypatch):
    monkeypatch.setattr(data_keys, "BATCH", 2)
    for number in range(1, 5):
        enrol(number, photo_count=1)
    DataKey.objects.filter(identity__external_id__in=["F1", "F2"]).update(site_key="0" * 16)
    settings.SITE_KEYS = [NEW, *settings.SITE_KEYS]
    with pytest.raises(Invalid, match="2 are wrapped by a key"):
        data_keys.rotate_keys()
    assert data_keys.key_state() == data_keys.KeyState(2, 0, 2)


def test_a_key_in_the_data_folder_is_replaced_for_all_processes(enrol, settings, tmp_path):
    (tmp_path / "site_key").write_text(f"{settings.SITE_KEYS[0]}\n")
    settings.SITE_KEYS_KEPT_IN = tmp_path / "site_key"
    settings.SITE_KEYS = ["what this process read at its start"]
    ann = enrol(1)
    secret_key.replace(tmp_path, "site_key")
    assert len((tmp_path / "site_key").read_text().split()) == 2
    assert stat.S_IMODE((tmp_path / "site_key").stat().st_mode) == 0o600
    assert readable(ann)
    assert data_keys.rotate_keys() == 1
    secret_key.forget_former(tmp_path, "site_key")
    assert len((tmp_path / "site_key").read_text().split()) == 1
    assert readable(ann)


def test_exported_and_brought_back_without_who_was_erased_since(enrol, tmp_path):
    ann, bo = enrol(1), enrol(2)
    path = tmp_path / "keys"
    assert data_keys.export_keys(path) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = DataKey.objects.get(identity=bo)
    erasure.erase(ann)
    assert data_keys.export_keys(path) == 1
    assert [json.loads(line)["person"] for line in path.read_text().splitlines()] == [bo.pk]
    DataKey.objects.all().delete()
    assert data_keys.import_keys(path) == (1, 0)
    back = DataKey.objects.get()
    assert (back.pk, bytes(back.wrapped), back.created_at) == (key.pk, bytes(key.wrapped), key.created_at)
    assert readable(bo)
    assert data_keys.import_keys(path) == (0, 0)
    assert enrol(3).data_keys.get().pk > key.pk


def test_new_keys_get_other_numbers_than_those_brought_back(enrol, tmp_path):
    ann = enrol(1)
    data_keys.export_keys(tmp_path / "keys")
    number = ann.data_keys.get().pk
    DataKey.objects.all().delete()
    with connection.cursor() as cursor:  # as in a database that was restored from before
        cursor.execute("SELECT setval('recognition_datakey_id_seq', greatest(1, %s - 1))", [number])
    data_keys.import_keys(tmp_path / "keys")
    assert enrol(2).data_keys.get().pk > number


def test_keys_of_people_who_are_not_here_are_left_out(enrol, tmp_path):
    ann = enrol(1)
    data_keys.export_keys(tmp_path / "keys")
    erasure.erase(ann)
    assert data_keys.import_keys(tmp_path / "keys") == (0, 1)


@pytest.mark.parametrize(
    "content",
    ["x", "{}", "[]", '{"number": 1}', '{"number": "a", "person": 1, "wrapped": "", "site_key": ""}', "\xff"],
)
def test_files_that_are_none_of_keys(tmp_path, content):
    (tmp_path / "keys").write_text(content, encoding="utf-8")
    with pytest.raises(Invalid):
        data_keys.import_keys(tmp_path / "keys")
    with pytest.raises(Invalid):
        data_keys.import_keys(tmp_path / "nothing")
    with pytest.raises(Invalid):
        data_keys.export_keys(tmp_path / "no" / "folder")


def in_the_clear(row) -> bytes:
    """As an earlier version kept it."""
    picture = read_file(row.image)
    StoredFile.objects.filter(name=row.image.name).update(content=picture)
    type(row).objects.filter(pk=row.pk).update(key=None)
    return picture


def test_photos_of_an_earlier_version_are_sealed(enrol, settings):
    settings.KEEP_PROBES_DAYS = 7
    ann = enrol(1)
    recognise.identify(person_jpeg(1, variant=5))
    pictures = {photo.pk: in_the_clear(photo) for photo in ann.photos.all()}
    shown = in_the_clear(ProbePicture.objects.get())
    assert data_keys.seal_files() == 3
    assert data_keys.seal_files() == 0
    for photo in Photo.objects.all():
        assert photo.key_id == ann.data_keys.get().pk
        assert read_file(photo.image) == pictures[photo.pk]
    assert read_file(ProbePicture.objects.get().image) == shown
    assert all(sealing.is_sealed(bytes(file.content)) for file in StoredFile.objects.all())
    assert StoredFile.objects.count() == 5


def test_a_photo_in_the_clear_that_is_looked_at_again_is_sealed_whole(enrol):
    ann = enrol(1, photo_count=1)
    (photo,) = ann.photos.all()
    in_the_clear(photo)
    photos.choose_face(photo=photo, face=0)
    photos.process_photos([photo.pk])
    assert all(sealing.is_sealed(bytes(file.content)) for file in StoredFile.objects.all())
    assert StoredFile.objects.count() == 2


def test_lost_pictures_of_an_earlier_version_do_not_stop_the_others(enrol):
    ann = enrol(1)
    first, second = ann.photos.all()
    in_the_clear(first), in_the_clear(second)
    StoredFile.objects.filter(name=first.image.name).delete()
    assert data_keys.seal_files() == 2
    assert data_keys.seal_files() == 0
    assert read_file(Photo.objects.get(pk=second.pk).image)


def test_a_merged_person_has_the_keys_of_both(enrol):
    ann, bo = enrol(1), enrol(2, account=False)
    merging.merge(into=ann, other=bo)
    assert ann.data_keys.count() == 2
    assert readable(ann)
