"""Building the gallery file: one writer, two kept, readers undisturbed, faults of the disk."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from django.db import transaction
from django.utils import timezone

from recognition.engine.gallery import Gallery
from recognition.models import GalleryBuild, GalleryChange
from recognition.services.gallery import index
from recognition.services.gallery import live as live_gallery
from recognition.services.gallery.live import LiveGallery
from recognition.services.gallery.log import last_change
from recognition.services.identities import erasure, people
from recognition.tasks import rebuild_index as task
from recognition.tasks import rebuild_index_if_stale as beat
from tests.fakes import person_vector
from tests.galleries import enrol_vectors
from tests.threads import in_background

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Made by the first build."""
    place = tmp_path / "data" / "gallery"
    monkeypatch.setattr(live_gallery, "gallery_folder", lambda: place)
    monkeypatch.setattr(index, "gallery_folder", lambda: place)
    return place


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def age(**ago):
    GalleryBuild.objects.update(created_at=timezone.now() - timedelta(**ago))


class TestBuilding:
    def test_the_file_holds_everybody_active(self, enrol, folder):
        ann, ben = enrol(1), enrol(2)
        people.suspend(ben)
        number = task()
        build = GalleryBuild.objects.get()
        assert (build.pk, build.identities, build.vectors) == (number, 1, 2)
        assert build.change_number == last_change()
        assert build.seconds > 0
        gallery = Gallery.load(folder / build.file, dimensions=512, model="fake-embedder")
        assert gallery.identities() == [ann.pk]
        assert (gallery.generation, gallery.change_number) == (build.pk, build.change_number)

    def test_nobody_at_all(self, db):
        build = index.rebuild_index()
        assert (build.identities, build.vectors, build.change_number) == (0, 0, 0)
        assert len(LiveGallery().current()) == 0

    @committed
    def test_two_builds_are_kept_with_their_part_of_the_log(self, enrol, folder):
        builds = []
        for number in range(4):
            enrol(number, account=False)
            builds.append(index.rebuild_index())
        assert list(GalleryBuild.objects.values_list("pk", flat=True)) == [builds[3].pk, builds[2].pk]
        assert names(folder) == sorted([builds[2].file, builds[3].file])
        assert GalleryChange.objects.order_by("id").first().pk == builds[2].change_number

    @committed
    def test_files_of_nobody_are_removed_but_not_those_of_the_next_writer(self, enrol, folder):
        enrol(1, account=False)
        folder.mkdir(parents=True)
        first = index.rebuild_index()
        later = f"{first.pk + 2}.gallery"
        for name in ("stray.gallery", f"{first.pk - 1}.gallery", f"{first.pk}.gallery.part", later):
            (folder / name).write_bytes(b"x")
        (folder / f"{later}.part").write_bytes(b"x")
        second = index.rebuild_index()
        assert names(folder) == sorted([first.file, second.file, later, f"{later}.part"])


class TestWhenStale:
    def test_the_first_time(self, enrol):
        enrol(1)
        assert beat() == GalleryBuild.objects.get().pk

    def test_not_without_a_change(self, enrol):
        enrol(1)
        task()
        age(minutes=6)
        assert beat() is None

    def test_not_right_after_a_build(self, enrol):
        enrol(1)
        task()
        enrol(2)
        age(minutes=4)
        assert beat() is None
        age(minutes=6)
        assert beat() is not None

    def test_after_a_clock_that_was_wrong(self, enrol):
        """A build of tomorrow is no reason to wait until then."""
        enrol(1)
        task()
        enrol(2)
        age(days=-1)
        assert beat() is not None

    def test_at_once_when_the_file_is_gone(self, enrol, folder):
        enrol(1)
        task()
        (folder / GalleryBuild.objects.get().file).unlink()
        assert beat() is not None

    def test_sooner_after_many_changes(self, enrol, monkeypatch):
        monkeypatch.setattr(index, "MANY_CHANGES", 2)
        enrol(1)
        task()
        enrol(2)
        enrol(3)
        age(seconds=50)
        assert beat() is None
        age(seconds=70)
        assert beat() is not None

    def test_a_long_build_is_not_repeated_all_the_time(self, enrol):
        enrol(1)
        task()
        enrol(2)
        GalleryBuild.objects.update(seconds=600)
        age(minutes=29)
        assert beat() is None
        age(minutes=31)
        assert beat() is not None

    @pytest.mark.parametrize("place", [64 + 7, -60, 20])
    def test_at_once_when_a_byte_is_wrong(self, enrol, folder, place):
        enrol(1)
        task()
        path = folder / GalleryBuild.objects.get().file
        data = bytearray(path.read_bytes())
        data[place] ^= 1
        path.write_bytes(data)
        assert beat() is not None
        assert beat() is None

    @committed
    @pytest.mark.parametrize("later", [{"minutes": 11}, {"days": -1}], ids=["later", "a clock was put right"])
    def test_the_vectors_of_erased_people_leave_the_disk(self, enrol, folder, later):
        ann = enrol(1, account=False)
        enrol(2, account=False)
        task()
        erasure.erase(ann)
        age(minutes=6)
        new = GalleryBuild.objects.get(pk=beat())
        assert len(names(folder)) == 2
        assert beat() is None
        assert len(names(folder)) == 2  # a process may be reading the former one
        age(**later)
        assert beat() is None
        assert names(folder) == [new.file]
        assert list(GalleryBuild.objects.all()) == [new]
        gallery = Gallery.load(folder / new.file, dimensions=512, model="fake-embedder")
        assert ann.pk not in gallery


@committed
class TestAtTheSameTime:
    @pytest.fixture
    def slow(self, monkeypatch):
        building, go_on = Event(), Event()
        real = index.build_from_database

        def build(*what):
            building.set()
            assert go_on.wait(20)
            return real(*what)

        monkeypatch.setattr(index, "build_from_database", build)
        return building, go_on

    def test_one_writer(self, enrol, slow):
        building, go_on = slow
        ann = enrol(1, account=False)
        with ThreadPoolExecutor(1) as pool:
            first = in_background(pool, index.rebuild_index)
            assert building.wait(20)
            assert index.rebuild_index() is None
            index.drop_former_builds()  # does not wait either
            # Readers and writers of people go on.
            assert LiveGallery().current().identities() == [ann.pk]
            people.suspend(ann)
            assert LiveGallery().current().identities() == []
            go_on.set()
            build = first.result(20)
        assert GalleryBuild.objects.get() == build
        assert build.identities == 0

    def test_readers_during_builds_find_everybody(self, db, folder):
        with transaction.atomic():
            owners, vectors = enrol_vectors(30)
        index.rebuild_index()
        stop = Event()

        def read():
            looks = 0
            while not stop.is_set():
                gallery = LiveGallery().current()
                assert gallery.search(vectors[:1], 1)[0][0].identity_id == owners[0]
                looks += 1
            return looks

        with ThreadPoolExecutor(2) as pool:
            readers = [in_background(pool, read) for _ in range(2)]
            try:
                for _ in range(15):
                    index.rebuild_index()
            finally:
                stop.set()
            assert all(reader.result(20) > 0 for reader in readers)

    def test_a_writer_whose_transaction_fails_leaves_the_former_build(self, enrol, folder, monkeypatch):
        enrol(1, account=False)
        first = index.rebuild_index()
        with transaction.atomic():
            second = index.rebuild_index()
            transaction.set_rollback(True)
        assert GalleryBuild.objects.get() == first
        third = index.rebuild_index()
        assert names(folder) == sorted([first.file, third.file])
        assert third.pk > second.pk


@committed
@pytest.mark.faults
class TestFaultsOfTheDisk:
    def test_a_full_disk_leaves_the_former_build_in_force(self, enrol, folder, monkeypatch):
        ann = enrol(1, account=False)
        first = index.rebuild_index()
        ben = enrol(2, account=False)

        def full(*args):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", full)
            with pytest.raises(OSError, match="No space"):
                index.rebuild_index()
        assert names(folder) == [first.file]
        assert GalleryBuild.objects.get() == first
        assert sorted(LiveGallery().current().identities()) == [ann.pk, ben.pk]
        assert index.rebuild_index() is not None

    def test_without_any_folder_everybody_is_found(self, enrol, folder):
        ann = enrol(1, account=False)
        folder.parent.mkdir()
        folder.write_text("not a folder")
        with pytest.raises(OSError, match="exists"):
            index.rebuild_index()
        gallery = LiveGallery().current()
        assert gallery.search(person_vector(1)[None], 1)[0][0].identity_id == ann.pk
