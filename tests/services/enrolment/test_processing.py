"""Finding the face in waiting photos: claims, second attempts, lost workers, and what happens meanwhile."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from django.db import OperationalError
from django.utils import timezone

from recognition.engine.types import ModelFileError
from recognition.models import Embedding, Photo, StoredFile
from recognition.services.analysis.analyzer import get_analyzer
from recognition.services.analysis.installed import active_model
from recognition.services.enrolment import examination, photos
from recognition.services.gallery.live import live_gallery
from recognition.services.gallery.log import last_change
from recognition.services.identities import erasure, merging, people
from recognition.tasks import process_photos as task
from tests.commands.processes import run
from tests.fakes import person_jpeg, wall_jpeg
from tests.threads import at_once, in_background, wait_for_a_waiting_lock

pytestmark = pytest.mark.django_db
at_the_same_time = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann():
    return people.create_identity(name="Ann")


@pytest.fixture
def photo(ann):
    return photos.add_photo(identity=ann, data=person_jpeg(1))


def state(photo):
    photo.refresh_from_db()
    return photo.state, photo.reason


def long_ago(**states):
    Photo.objects.update(claimed_at=timezone.now() - timedelta(minutes=6), **states)


class TestOnePhoto:
    def test_it_becomes_ready_with_everything_that_is_shown_of_it(self, ann, photo):
        assert task([photo.pk]) == 1
        assert state(photo) == ("ready", "")
        assert len(photo.faces) == 1
        assert set(photo.faces[0]) == {"box", "score", "landmarks", "quality"}
        assert photo.chosen_face == 0
        assert photo.quality["size"] > 100
        assert photo.processed_at is not None
        assert photo.crop.size > 0
        assert Embedding.objects.get().identity == ann
        assert ann.pk in live_gallery.current()

    @pytest.mark.parametrize(
        ("data", "reason", "faces"),
        [
            (wall_jpeg(), "no_face", 0),
            (person_jpeg(1, 2), "several_faces", 2),
            (person_jpeg(1, size=50), "too_small", 1),
            (person_jpeg(3, blurred=True), "too_blurred", 1),
            (person_jpeg(1, dark=True), "too_dark", 1),
            (person_jpeg(1, turned=True), "too_turned", 1),
        ],
    )
    def test_what_cannot_be_used_is_rejected_with_the_reason(self, ann, data, reason, faces):
        before = last_change()
        photo = photos.add_photo(identity=ann, data=data)
        photos.process_photos([photo.pk])
        assert state(photo) == ("rejected", reason)
        assert len(photo.faces) == faces
        assert not Embedding.objects.exists()
        assert last_change() == before

    def test_a_small_face_in_the_background_is_no_rival(self, ann):
        import numpy as np

        from recognition.engine.images import encode_jpeg
        from tests.fakes import person_picture

        large, small = person_picture(1, size=300), person_picture(2, size=70)
        small = np.pad(small, ((0, large.shape[0] - small.shape[0]), (0, 0), (0, 0)), constant_values=128)
        photo = photos.add_photo(identity=ann, data=encode_jpeg(np.hstack([large, small]), 95))
        photos.process_photos([photo.pk])
        assert state(photo) == ("ready", "")
        assert len(photo.faces) == 2

    def test_twice_is_once(self, photo):
        assert photos.process_photos([photo.pk]) == 1
        before = Photo.objects.values().get(), last_change()
        assert photos.process_photos([photo.pk]) == 0
        assert (Photo.objects.values().get(), last_change()) == before

    def test_photos_that_are_gone_are_passed_over(self, photo):
        assert photos.process_photos([photo.pk + 999, photo.pk]) == 1
        assert state(photo) == ("ready", "")

    def test_a_picture_whose_bytes_are_gone_is_unreadable(self, photo):
        StoredFile.objects.all().delete()
        photos.process_photos([photo.pk])
        assert state(photo) == ("rejected", "unreadable")

    def test_processing_again_replaces_crop_and_vector(self, photo):
        photos.process_photos([photo.pk])
        Photo.objects.update(state="waiting")
        photos.process_photos([photo.pk])
        assert state(photo) == ("ready", "")
        assert Embedding.objects.count() == 1
        assert StoredFile.objects.count() == 2

    def test_a_chosen_face_that_is_not_found_again_is_not_replaced_by_any_other(self, ann):
        photo = photos.add_photo(identity=ann, data=person_jpeg(1, 2))
        photos.process_photos([photo.pk])
        photo.refresh_from_db()
        photo.faces[0]["box"] = [0, 0, 5, 5]
        photo.save()
        photos.choose_face(photo=photo, face=0)
        photos.process_photos([photo.pk])
        assert state(photo) == ("rejected", "several_faces")


class TestAttempts:
    def test_a_waiting_photo_is_swept_after_a_minute(self, photo, monkeypatch):
        sent = []
        monkeypatch.setattr("recognition.services.queue.enqueue_again", lambda task, ids: sent.append(ids))
        assert photos.sweep_photos() == 0
        Photo.objects.update(created_at=timezone.now() - timedelta(minutes=2))
        assert photos.sweep_photos() == 1
        assert sent == [[photo.pk]]

    def test_a_lost_workers_photo_is_swept_after_five_minutes(self, photo, monkeypatch):
        sent = []
        monkeypatch.setattr("recognition.services.queue.enqueue_again", lambda task, ids: sent.append(ids))
        Photo.objects.update(state="processing", claimed_at=timezone.now() - timedelta(minutes=4))
        assert photos.sweep_photos() == 0
        assert photos.process_photos([photo.pk]) == 0
        long_ago()
        assert photos.sweep_photos() == 1
        assert photos.process_photos([photo.pk]) == 1
        assert state(photo) == ("ready", "")

    def test_a_clock_that_was_wrong_holds_no_photo_up(self, photo, monkeypatch):
        """A photo came, and was claimed, while the clock was a day ahead."""
        sent = []
        monkeypatch.setattr("recognition.services.queue.enqueue_again", lambda task, ids: sent.append(ids))
        tomorrow = timezone.now() + timedelta(days=1)
        Photo.objects.update(created_at=tomorrow)
        assert photos.sweep_photos() == 1
        Photo.objects.update(state="processing", claimed_at=tomorrow)
        assert photos.sweep_photos() == 1
        assert photos.process_photos([photo.pk]) == 1
        assert state(photo) == ("ready", "")

    def test_many_are_swept_in_small_messages(self, ann, monkeypatch):
        sent = []
        monkeypatch.setattr("recognition.services.queue.enqueue_again", lambda task, ids: sent.append(ids))
        Photo.objects.bulk_create(
            Photo(identity=ann, sha256=str(n), width=1, height=1, image="x") for n in range(45)
        )
        assert photos.sweep_photos(timedelta(0)) == 45
        assert [len(ids) for ids in sent] == [20, 20, 5]

    def test_a_photo_that_kills_three_workers_is_given_up(self, photo):
        long_ago(state="processing", attempts=3)
        assert photos.process_photos([photo.pk]) == 0
        assert state(photo) == ("rejected", "failed")
        assert photo.processed_at is not None

    def test_an_error_nobody_thought_of_is_tried_three_times(self, photo, ann, monkeypatch, caplog):
        good = photos.add_photo(identity=ann, data=person_jpeg(2))
        real = examination.examine
        width = photo.width

        def examine(image, *args, **kwargs):
            if Photo.objects.get(pk=photo.pk).state == "processing":
                raise ZeroDivisionError
            return real(image, *args, **kwargs)

        monkeypatch.setattr(photos, "examine", examine)
        assert photos.process_photos([photo.pk, good.pk]) == 1
        assert state(good) == ("ready", "")
        assert state(photo) == ("waiting", "")
        photos.process_photos([photo.pk])
        assert state(photo) == ("waiting", "")
        photos.process_photos([photo.pk])
        assert state(photo) == ("rejected", "failed")
        assert photo.width == width
        assert "ZeroDivisionError" in caplog.text

    def test_without_models_the_photo_is_not_to_blame(self, photo, monkeypatch):
        def broken(*args, **kwargs):
            raise ModelFileError("weights are missing")

        for _ in range(5):
            with monkeypatch.context() as patch:
                patch.setattr(type(get_analyzer()), "find", broken)
                with pytest.raises(ModelFileError):
                    photos.process_photos([photo.pk])
            assert state(photo) == ("waiting", "")
        assert photos.process_photos([photo.pk]) == 1
        assert state(photo) == ("ready", "")

    def test_other_weights_under_the_name_of_those_in_use_are_refused(self, photo, monkeypatch):
        from dataclasses import replace

        photos.process_photos([photo.pk])
        analyzer = get_analyzer()
        monkeypatch.setattr(analyzer, "embedder_spec", replace(analyzer.embedder_spec, sha256="1" * 64))
        Photo.objects.update(state="waiting")
        with pytest.raises(ModelFileError, match="other weights"):
            photos.process_photos([photo.pk])
        assert state(photo) == ("waiting", "")

    def test_a_lost_connection_is_no_reason_to_reject(self, photo, monkeypatch):
        def broken(*args, **kwargs):
            raise OperationalError("server closed the connection")

        monkeypatch.setattr(photos, "save_finding", broken)
        with pytest.raises(OperationalError):
            photos.process_photos([photo.pk])
        assert state(photo) == ("processing", "")
        monkeypatch.undo()
        long_ago()
        assert photos.process_photos([photo.pk]) == 1


class Pausing:
    """Lets a worker stop between finding the face and writing it down."""

    def __init__(self, monkeypatch):
        self.found, self.go_on = Event(), Event()
        real = photos.store

        def store(*args):
            self.found.set()
            assert self.go_on.wait(20)
            return real(*args)

        monkeypatch.setattr(photos, "store", store)


@at_the_same_time
class TestMeanwhile:
    def test_two_workers_share_the_photos(self, ann):
        numbers = [photos.add_photo(identity=ann, data=person_jpeg(1, variant=n)).pk for n in range(8)]
        done = at_once(*[lambda: photos.process_photos(numbers)] * 3)
        assert sum(done) == 8
        assert set(Photo.objects.values_list("state", "attempts")) == {("ready", 1)}
        assert Embedding.objects.count() == 8

    @pytest.fixture
    def pausing(self, monkeypatch):
        return Pausing(monkeypatch)

    @pytest.fixture
    def pool(self):
        with ThreadPoolExecutor(2) as pool:
            yield pool

    def test_the_photo_is_deleted(self, photo, pausing, pool):
        worker = in_background(pool, lambda: photos.process_photos([photo.pk]))
        assert pausing.found.wait(20)
        photos.delete_photo(photo)
        pausing.go_on.set()
        worker.result(20)
        for model in (Photo, Embedding, StoredFile):
            assert not model.objects.exists()

    def test_the_person_is_erased(self, ann, photo, pausing, pool):
        worker = in_background(pool, lambda: photos.process_photos([photo.pk]))
        assert pausing.found.wait(20)
        erasure.erase(ann)
        pausing.go_on.set()
        worker.result(20)
        for model in (Photo, Embedding, StoredFile):
            assert not model.objects.exists()

    def test_the_person_is_merged_into_another(self, ann, photo, pausing, pool):
        ben = people.create_identity(name="Ben")
        worker = in_background(pool, lambda: photos.process_photos([photo.pk]))
        assert pausing.found.wait(20)
        merging.merge(into=ben, other=ann)
        pausing.go_on.set()
        worker.result(20)
        assert state(photo) == ("ready", "")
        assert photo.identity == ben
        assert Embedding.objects.get().identity == ben
        assert live_gallery.current().identities() == [ben.pk]

    def test_a_slow_worker_whose_photo_was_taken_over_writes_nothing(self, photo, pausing, pool):
        slow = in_background(pool, lambda: photos.process_photos([photo.pk]))
        assert pausing.found.wait(20)
        long_ago()
        pausing.go_on.set()  # for the second worker; the first one waits for its own turn
        slow.result(20)
        assert state(photo)[0] == "processing"
        assert not Embedding.objects.exists()
        assert photos.process_photos([photo.pk]) == 1
        assert state(photo) == ("ready", "")

    def test_choosing_a_face_again_outdates_a_worker_that_was_given_up(self, ann, pausing, pool):
        photo = photos.add_photo(identity=ann, data=person_jpeg(1, 2))
        slow = in_background(pool, lambda: photos.process_photos([photo.pk]))
        assert pausing.found.wait(20)
        Photo.objects.update(state="rejected", faces=[{"box": [0, 0, 1, 1]}] * 2)
        photos.choose_face(photo=photo, face=1)
        Photo.objects.update(state="processing", attempts=1, claimed_at=timezone.now())
        pausing.go_on.set()
        slow.result(20)
        assert state(photo) == ("processing", "")
        assert photo.chosen_face == 1

    def test_a_status_change_of_the_person_waits_and_both_count(self, ann, photo, monkeypatch, pool):
        writing, go_on = Event(), Event()
        real = photos.save_finding

        def save_finding(*args):
            writing.set()
            assert go_on.wait(20)
            return real(*args)

        monkeypatch.setattr(photos, "save_finding", save_finding)
        worker = in_background(pool, lambda: photos.process_photos([photo.pk]))
        assert writing.wait(20)
        suspending = in_background(pool, lambda: people.suspend(ann))
        wait_for_a_waiting_lock()
        go_on.set()
        assert worker.result(20) == 1
        suspending.result(20)
        assert state(photo) == ("ready", "")
        assert ann.pk not in live_gallery.current()


KILLED_AT = """
import os, signal
from recognition.services.enrolment import photos
poison, *numbers = map(int, sys.argv[1:])
real = photos.store
def store(photo, *args):
    if photo.pk == poison:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(photo, *args)
photos.store = store
photos.process_photos(numbers)
"""


@at_the_same_time
@pytest.mark.faults
def test_a_killed_worker_loses_no_photo_and_harms_no_other(ann):
    """A real process that is killed in the middle of a message of three photos."""
    numbers = [photos.add_photo(identity=ann, data=person_jpeg(1, variant=n)).pk for n in range(3)]
    poison = numbers[1]
    active_model()  # before the other process registers the real one
    for attempt in range(1, 4):
        assert run(poison, *numbers, code=KILLED_AT).status == -signal.SIGKILL
        assert Photo.objects.get(pk=poison).attempts == attempt
        long_ago()
    assert photos.process_photos(numbers) == 1
    states = dict(Photo.objects.values_list("pk", "state"))
    assert [states[number] for number in numbers] == ["ready", "rejected", "ready"]
    assert set(Photo.objects.exclude(pk=poison).values_list("attempts", flat=True)) == {1}
