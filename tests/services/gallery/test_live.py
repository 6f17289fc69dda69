"""A change counts from the next request on, in every process, whatever the state of log and file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import numpy as np
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from recognition.engine.gallery import Gallery
from recognition.models import Embedding, GalleryChange, Identity, ModelVersion
from recognition.services.enrolment import photos
from recognition.services.gallery import index, vectors
from recognition.services.gallery import live as live_gallery
from recognition.services.gallery import log as gallery_log
from recognition.services.gallery.live import LiveGallery
from recognition.services.gallery.log import record_change
from recognition.services.identities import erasure, merging, people
from tests.fakes import person_jpeg, person_vector
from tests.galleries import enrol_vectors
from tests.threads import at_once, in_background, wait_for_a_waiting_lock

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(live_gallery, "gallery_folder", lambda: tmp_path)
    monkeypatch.setattr(index, "gallery_folder", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def loads(monkeypatch):
    """How often everything was read from Postgres."""
    counted = []
    real = live_gallery._build
    monkeypatch.setattr(live_gallery, "_build", lambda *a: counted.append(1) or real(*a))
    return counted


@pytest.fixture
def asked(monkeypatch):
    tasks = []
    monkeypatch.setattr("recognition.services.queue.enqueue", lambda task, *args: tasks.append(task))
    return tasks


def found(gallery: Gallery, number: int) -> int:
    return gallery.search(person_vector(number)[None], 1)[0][0].identity_id


def truth() -> Gallery:
    return live_gallery.build_from_database(index.active_model())


def same(first: Gallery, second: Gallery) -> bool:
    """Whether both hold the same people with the same vectors, and find the same."""
    numbers = sorted(first.identities())
    probes = np.stack([person_vector(n) for n in range(8)])
    templates = all(np.allclose(first.template(n), second.template(n), atol=1e-6) for n in numbers)
    searches = [
        [[(m.identity_id, round(m.score, 4)) for m in row] for row in gallery.search(probes, 20)]
        for gallery in (first, second)
    ]
    return (
        numbers == sorted(second.identities())
        and templates
        and first.vector_count == second.vector_count
        and searches[0] == searches[1]
    )


class TestAnotherProcess:
    """Two `LiveGallery` objects stand for two processes."""

    def test_enrolled_suspended_resumed_erased(self, enrol, loads):
        other = LiveGallery()
        assert len(other.current()) == 0
        ann = enrol(1)
        assert found(other.current(), 1) == ann.pk
        read = len(loads)
        people.suspend(ann)
        assert ann.pk not in other.current()
        people.resume(ann)
        assert found(other.current(), 1) == ann.pk
        erasure.erase(ann)
        assert ann.pk not in other.current()
        assert len(loads) == read  # all of it from the log

    def test_one_more_photo_and_one_less(self, enrol):
        other = LiveGallery()
        ann = enrol(1, photo_count=1)
        assert other.current().vector_count == 1
        photo = photos.add_photo(identity=ann, data=person_jpeg(1, variant=7))
        photos.process_photos([photo.pk])
        assert same(other.current(), truth())
        assert other.current().vector_count == 2
        photos.delete_photo(photo)
        assert same(other.current(), truth())
        assert other.current().vector_count == 1

    def test_merged(self, enrol):
        other = LiveGallery()
        ann, twin = enrol(1), enrol(2, account=False)
        assert len(other.current()) == 2
        merging.merge(into=ann, other=twin)
        assert other.current().identities() == [ann.pk]
        assert other.current().vector_count == 4

    def test_nothing_is_read_when_nothing_changed(self, enrol, django_assert_num_queries):
        enrol(1)
        other = LiveGallery()
        gallery = other.current()
        with django_assert_num_queries(1):
            assert other.current() is gallery

    def test_very_many_changes_are_read_at_once(self, enrol, loads, monkeypatch):
        monkeypatch.setattr(gallery_log, "MOST_CHANGES", 3)
        other = LiveGallery()
        enrol(1)
        other.current()
        del loads[:]
        enrol_vectors(4)
        assert same(other.current(), truth())
        assert len(loads) == 2  # one is the truth

    def test_a_change_of_everything(self, enrol, loads):
        enrol(1)
        other = LiveGallery()
        other.current()
        Embedding.objects.all().delete()
        record_change(None)
        assert len(other.current()) == 0


@committed
class TestOrder:
    def test_a_transaction_that_commits_late_is_not_missed(self, enrol):
        """Numbers are taken in the order of commits: a slow writer holds up other writers, not the readers."""
        ann, ben = enrol(1, account=False), enrol(2, account=False)
        other = LiveGallery()
        other.current()
        recorded, go_on = Event(), Event()

        def slow():
            with transaction.atomic():
                Identity.objects.filter(pk=ann.pk).update(status="suspended")
                record_change(ann.pk)
                recorded.set()
                assert go_on.wait(20)

        with ThreadPoolExecutor(2) as pool:
            first = in_background(pool, slow)
            assert recorded.wait(20)
            second = in_background(pool, lambda: people.suspend(ben))
            wait_for_a_waiting_lock()
            assert sorted(other.current().identities()) == [ann.pk, ben.pk]
            go_on.set()
            first.result(20)
            second.result(20)
        assert other.current().identities() == []

    def test_a_change_outside_of_a_transaction_is_a_mistake(self):
        with pytest.raises(RuntimeError):
            record_change(1)

    def test_a_rolled_back_change_is_none(self, enrol):
        ann = enrol(1, account=False)
        other = LiveGallery()
        number = other.current().change_number
        with transaction.atomic():
            Identity.objects.update(status="suspended")
            record_change(ann.pk)
            transaction.set_rollback(True)
        assert other.current().change_number == number
        assert ann.pk in other.current()

    def test_many_threads_and_writers_end_with_the_truth(self, enrol, loads):
        crowd = [enrol(n, account=False) for n in range(4)]
        other = LiveGallery()
        other.current()
        del loads[:]

        def write(ann):
            for _ in range(6):
                people.suspend(ann)
                people.resume(ann)

        def read():
            last = 0
            for _ in range(60):
                gallery = other.current()
                assert gallery.change_number >= last
                last = gallery.change_number
                gallery.search(person_vector(1)[None], 3)

        at_once(read, read, read, *[lambda a=a: write(a) for a in crowd])
        assert loads == []  # nobody had to start again because others were faster
        assert same(other.current(), truth())

    def test_the_log_is_pruned_between_looking_and_reading(self, enrol, monkeypatch):
        """Else a change would be skipped for good: its row is gone when the process reads what it missed."""
        ann, ben = enrol(1, account=False), enrol(2, account=False)
        other = LiveGallery()
        other.current()
        people.suspend(ann)
        people.suspend(ben)
        real = live_gallery.active_model

        def prune_first():
            GalleryChange.objects.filter(id__lt=gallery_log.last_change()).delete()
            return real()

        monkeypatch.setattr(live_gallery, "active_model", prune_first)
        assert other.current().identities() == []


class TestFile:
    def test_a_process_starts_from_the_file_and_catches_up(self, enrol, loads):
        ann, ben = enrol(1), enrol(2)
        build = index.rebuild_index()
        people.suspend(ann)
        enrol(3)
        del loads[:]
        other = LiveGallery()
        gallery = other.current()
        assert loads == []
        assert gallery.generation == build.pk
        assert same(gallery, truth())
        assert ben.pk in gallery

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda path: path.unlink(),
            lambda path: path.write_bytes(b""),
            lambda path: path.write_bytes(path.read_bytes()[:-100]),
            lambda path: path.write_bytes(b"x" + path.read_bytes()[1:]),
            lambda path: path.write_bytes(path.read_bytes().replace(b"fake-embedder", b"fake-embeddex")),
            lambda path: (path.unlink(), path.mkdir()),
        ],
        ids=["missing", "empty", "cut", "magic", "changed", "folder"],
    )
    def test_a_file_that_cannot_be_used_is_built_again(self, enrol, folder, spoil, asked):
        ann = enrol(1)
        build = index.rebuild_index()
        del asked[:]
        spoil(folder / build.file)
        other = LiveGallery()
        assert found(other.current(), 1) == ann.pk
        assert asked == ["recognition.rebuild_index"]
        other.forget()
        assert found(other.current(), 1) == ann.pk
        assert asked == ["recognition.rebuild_index"]  # once is enough for a while

    def test_the_file_of_another_build_under_this_name(self, enrol, folder):
        enrol(1)
        old = index.rebuild_index()
        ben = enrol(2)
        new = index.rebuild_index()
        (folder / new.file).write_bytes((folder / old.file).read_bytes())
        assert ben.pk in LiveGallery().current()

    def test_the_log_does_not_reach_back_to_the_file(self, enrol, folder):
        enrol(1)
        build = index.rebuild_index()
        content = (folder / build.file).read_bytes()
        ben = enrol(2)
        GalleryChange.objects.filter(id__lt=gallery_log.last_change()).delete()
        (folder / build.file).write_bytes(content)
        assert ben.pk in LiveGallery().current()

    def test_a_process_that_slept_while_the_log_was_pruned(self, enrol):
        ann = enrol(1)
        sleeper = LiveGallery()
        sleeper.current()
        people.suspend(ann)
        for number in (2, 3, 4):
            enrol(number)
            index.rebuild_index()
        assert sleeper.current().change_number > 0
        assert same(sleeper.current(), truth())
        assert ann.pk not in sleeper.current()


class TestOneCopy:
    """The file serves all processes of a machine."""

    @pytest.fixture(autouse=True, params=["flat", "rabitq"])
    def kind(self, request, settings):
        settings.GALLERY_INDEX = request.param
        return request.param

    def test_a_damaged_row_is_repaired_before_it_answers(self, enrol, folder, asked, kind):
        ann, ben = enrol(1), enrol(2)
        build = index.rebuild_index()
        other = LiveGallery()
        other.current()
        spoil_row(folder / build.file, other.current(), ben.pk)
        del asked[:]
        for live in (other, LiveGallery()):  # one that had it open, one that opens it now
            assert found(live.current(), 1) == ann.pk
            assert found(live.current(), 2) == ben.pk
            assert live.current().vector_count == 4
        assert set(asked) == {"recognition.rebuild_index"}
        if kind == "rabitq":
            assert index.rebuild_if_stale() is not None  # the worker finds it, too
        else:  # opening it read every row, and wrote it anew
            assert index.rebuild_if_stale() is None

    def test_a_repair_takes_what_is_true_now(self, enrol, folder, kind):
        ann, ben = enrol(1), enrol(2)
        build = index.rebuild_index()
        other = LiveGallery()
        gallery = other.current()
        spoil_row(folder / build.file, gallery, ben.pk)
        erasure.erase(ben)
        if kind == "rabitq":  # the flat one copied the rows while they were right
            assert found(gallery, 2) == ann.pk
        assert found(other.current(), 2) == ann.pk

    def test_the_first_process_without_a_file_builds_it_for_all(self, enrol, folder, loads, asked):
        ann = enrol(1)
        build = index.rebuild_index()
        ben = enrol(2)
        (folder / build.file).unlink()
        del loads[:]
        for _ in range(3):
            live = LiveGallery()
            assert sorted(live.current().identities()) == [ann.pk, ben.pk]
            assert live.current().generation == build.pk
        assert len(loads) == 1
        assert (folder / build.file).exists()

    def test_a_process_goes_over_to_the_new_file(self, enrol, folder, loads, monkeypatch):
        enrol(1)
        first = index.rebuild_index()
        other = LiveGallery()
        other.current()
        ben = enrol(2)
        assert other.current().changed == 1
        second = index.rebuild_index()
        enrol(3)
        del loads[:]
        assert other.current().generation == first.pk
        monkeypatch.setattr(live_gallery, "RENEW_SECONDS", 0)
        assert other.current().generation == second.pk
        assert other.current().changed == 1
        assert ben.pk in other.current()
        assert loads == []
        assert other.current().vector_count == truth().vector_count == 6
        assert [found(other.current(), n) for n in (1, 2, 3)] == [found(truth(), n) for n in (1, 2, 3)]

    def test_a_new_file_that_cannot_be_read_changes_nothing(self, enrol, folder, asked, monkeypatch):
        ann = enrol(1)
        first = index.rebuild_index()
        other = LiveGallery()
        other.current()
        second = index.rebuild_index()
        (folder / second.file).write_bytes(b"x")
        monkeypatch.setattr(live_gallery, "RENEW_SECONDS", 0)
        assert other.current().generation == first.pk
        assert found(other.current(), 1) == ann.pk
        assert "recognition.rebuild_index" in asked

    def test_everybody_in_parts(self, enrol, monkeypatch):
        """A build reads people part by part, so that its memory does not grow with their number."""
        owners, _ = enrol_vectors(23)
        monkeypatch.setattr(vectors, "PEOPLE", 5)
        parts = list(vectors.everybody(index.active_model()))
        assert [len(part.owners) for part in parts] == [5, 5, 5, 5, 3]
        assert sorted(index.rebuild_index() and LiveGallery().current().identities()) == sorted(set(owners))
        assert same(LiveGallery().current(), truth())


def spoil_row(path, gallery, number):
    """Flip a bit of this person's template, in the memory of everybody who has the file open."""
    file = gallery._base.file
    row = int(file.starts[np.searchsorted(file.owners, number)])
    with path.open("r+b") as out:
        out.seek(64 + row * file.rows.strides[0] + 3)
        byte = out.read(1)[0]
        out.seek(-1, os.SEEK_CUR)
        out.write(bytes([byte ^ 1]))


class TestRestoredDatabase:
    def test_from_an_older_backup(self, enrol):
        ann, ben = enrol(1), enrol(2)
        other = LiveGallery()
        assert len(other.current()) == 2
        Embedding.objects.filter(identity=ben).delete()
        GalleryChange.objects.filter(id__gt=gallery_log.last_change() - 2).delete()
        assert other.current().identities() == [ann.pk]

    def test_that_has_gone_on_beyond_what_the_process_knew(self, enrol):
        """The numbers are taken again by other changes; only their times tell."""
        ann = enrol(1)
        other = LiveGallery()
        other.current()
        number = gallery_log.last_change()
        Embedding.objects.filter(identity=ann).delete()
        GalleryChange.objects.filter(id=number).update(created_at=timezone.now() + timedelta(hours=1))
        assert other.current().identities() == []
        ben = enrol(2)
        assert other.current().identities() == [ben.pk]

    def test_an_empty_one(self, enrol):
        enrol(1)
        other = LiveGallery()
        other.current()
        Identity.objects.all().delete()
        GalleryChange.objects.all().delete()
        assert len(other.current()) == 0


class TestOtherModel:
    def test_activating_one_switches_every_process(self, enrol):
        ann = enrol(1)
        index.rebuild_index()
        other = LiveGallery()
        old = index.active_model()
        assert other.current().model == old.name
        new = ModelVersion.objects.create(name="second", sha256="2" * 64, dimensions=4)
        Embedding.objects.create(identity=ann, model_version=new, vector=[0, 1, 0, 0], source="x")
        for chosen, unchosen in ((new, old), (old, new)):
            with transaction.atomic():
                ModelVersion.objects.filter(pk=unchosen.pk).update(active=False)
                ModelVersion.objects.filter(pk=chosen.pk).update(active=True)
                record_change(None)
            gallery = other.current()
            assert (gallery.model, gallery.dimensions) == (chosen.name, chosen.dimensions)
            assert gallery.identities() == [ann.pk]
        assert same(other.current(), truth())


CHILD = """
import sys, django
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from recognition.services.gallery import LiveGallery
live = LiveGallery()
for line in sys.stdin:
    print(sorted(live.current().identities()), flush=True)
"""


@committed
@pytest.mark.faults
def test_a_real_second_process(enrol):
    """It sees each change at its next look."""
    index.active_model()  # before the child registers the real one
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, connection.settings_dict["NAME"]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
    )

    def look():
        process.stdin.write("\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    try:
        assert look() == "[]"
        ann = enrol(1, account=False)
        assert look() == f"[{ann.pk}]"
        ben = enrol(2, account=False)
        people.suspend(ann)
        assert look() == f"[{ben.pk}]"
        erasure.erase(ben)
        people.resume(ann)
        start = time.monotonic()
        assert look() == f"[{ann.pk}]"
        assert time.monotonic() - start < 5
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@pytest.mark.parametrize("seed", range(3))
def test_any_sequence_of_changes_ends_with_the_truth(enrol, seed):
    """Two processes that look at different moments, one of which starts again from the file now and then."""
    random = np.random.default_rng(seed)
    often, seldom = LiveGallery(), LiveGallery()
    newcomers = list(range(20))
    crowd = [enrol(newcomers.pop(), account=False) for _ in range(3)]
    for step in range(25):
        person = crowd[random.integers(len(crowd))]
        match int(random.integers(6)):
            case 0 if newcomers:
                crowd.append(enrol(newcomers.pop(), account=False))
            case 1:
                people.suspend(person)
            case 2:
                people.resume(person)
            case 3 if len(crowd) > 1:
                crowd.remove(person)
                erasure.erase(person)
            case 4:
                data = person_jpeg(int(random.integers(20)), variant=100 + step)
                photos.process_photos([photos.add_photo(identity=person, data=data).pk])
            case 5:
                index.rebuild_index()
                seldom.forget()
        often.current()
        if random.integers(4) == 0:
            seldom.current()
    assert same(often.current(), truth())
    assert same(seldom.current(), truth())
