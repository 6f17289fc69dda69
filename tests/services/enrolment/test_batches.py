"""Photos in batches, as a worker with a GPU processes them: the same results and the same guarantees."""

from __future__ import annotations

import signal
from datetime import timedelta

import numpy as np
import pytest
from django.db import OperationalError
from django.utils import timezone

from recognition.engine.types import ModelFileError
from recognition.models import Embedding, Photo, StoredFile
from recognition.services.analysis.analyzer import use_analyzer
from recognition.services.analysis.installed import active_model
from recognition.services.enrolment import import_batches, photo_batches, photos
from recognition.services.enrolment.import_plan import read_plan
from recognition.services.enrolment.import_report import Report
from recognition.services.enrolment.importing import import_people
from recognition.services.gallery.live import live_gallery
from recognition.services.identities import people
from tests.accounts.conftest import FakeAnalyzer
from tests.commands.processes import run
from tests.fakes import FakeBatchDetector, FakeBatchEmbedder, FakeBatchRefiner, person_jpeg, wall_jpeg
from tests.galleries import people_folder
from tests.threads import at_once

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)


class GpuAnalyzer(FakeAnalyzer):
    _gpu = True

    def __init__(self):
        super().__init__()
        self.__dict__ |= {
            "_detectors": {"fake-finder": FakeBatchDetector()},
            "refiner": FakeBatchRefiner(),
            "embedder": FakeBatchEmbedder(),
        }


@pytest.fixture(autouse=True)
def gpu(fresh_state):
    analyzer = GpuAnalyzer()
    with use_analyzer(analyzer):
        yield analyzer


@pytest.fixture(autouse=True)
def no_doubts(monkeypatch):
    """Here the photos of one person are told apart by their faces."""
    monkeypatch.setattr(photos, "doubt_about", lambda *about, **how: None)


@pytest.fixture
def ann():
    return people.create_identity(name="Ann")


def added(identity, *pictures):
    return [photos.add_photo(identity=identity, data=data).pk for data in pictures]


def states(numbers):
    found = {pk: (state, reason) for pk, state, reason in Photo.objects.values_list("pk", "state", "reason")}
    return [found[number] for number in numbers]


def attempts():
    return set(Photo.objects.values_list("attempts", flat=True))


READY, WAITING = ("ready", ""), ("waiting", "")


class TestMessage:
    def test_all_photos_in_one_run_each_with_its_own_result(self, ann, gpu):
        pictures = [
            person_jpeg(1),
            wall_jpeg(),
            person_jpeg(1, 2),
            person_jpeg(3, blurred=True),
            person_jpeg(4),
        ]
        numbers = added(ann, *pictures)
        assert photos.process_photos(numbers) == 5
        expected = [READY, *(("rejected", r) for r in ("no_face", "several_faces", "too_blurred")), READY]
        assert states(numbers) == expected
        assert gpu.detector.sizes == [5]
        assert gpu.embedder.sizes == [2]
        assert ann.pk in live_gallery.current()
        assert attempts() == {1}
        assert photos.process_photos(numbers) == 0

    def test_the_same_as_one_after_the_other(self, ann):
        together = added(ann, *(person_jpeg(n) for n in range(4)))
        photos.process_photos(together)
        vectors = {e.photo_id: np.array(e.vector) for e in Embedding.objects.all()}
        rows = list(Photo.objects.order_by("pk").values("faces", "chosen_face", "quality"))
        Photo.objects.update(state="waiting", attempts=0)
        with use_analyzer(FakeAnalyzer()):
            assert photos.process_photos(together) == 4
        assert rows == list(Photo.objects.order_by("pk").values("faces", "chosen_face", "quality"))
        for one in Embedding.objects.all():
            np.testing.assert_array_equal(vectors[one.photo_id], np.array(one.vector))

    def test_more_than_a_batch(self, ann, gpu, monkeypatch):
        monkeypatch.setattr(photo_batches, "BATCH", 3)
        numbers = added(ann, *(person_jpeg(n) for n in range(7)))
        assert photos.process_photos([*numbers, 10**9, numbers[0]]) == 7
        assert gpu.detector.sizes[:3] == [3, 3, 1]

    def test_a_batch_is_filled_with_the_photos_of_other_tasks(self, ann, gpu, monkeypatch):
        monkeypatch.setattr(photo_batches, "BATCH", 3)
        numbers = added(ann, *(person_jpeg(n) for n in range(6)))
        Photo.objects.filter(pk=numbers[2]).update(attempts=1)  # goes alone, and by its own task
        assert photos.process_photos(numbers[:1]) == 3
        assert states(numbers) == [READY, READY, WAITING, READY, WAITING, WAITING]
        assert photos.process_photos(numbers[1:4]) == 1
        assert photos.process_photos(numbers[4:]) == 2
        assert gpu.detector.sizes == [3, 2]

    def test_a_chosen_face_counts(self, ann):
        (number,) = added(ann, person_jpeg(1, 2))
        photos.process_photos([number])
        photos.choose_face(photo=Photo.objects.get(), face=1)
        assert photos.process_photos([number]) == 1
        assert states([number]) == [READY]
        assert Photo.objects.get().chosen_face == 1

    def test_a_gpu_that_gave_up_is_followed_by_single_photos(self, ann, gpu):
        gpu.detector.batches = gpu.embedder.batches = False
        numbers = added(ann, person_jpeg(1), person_jpeg(2))
        assert photos.process_photos(numbers) == 2
        assert gpu.detector.sizes == []


class TestTrouble:
    @pytest.mark.parametrize("damage", ["gone", "no picture"])
    def test_a_photo_that_cannot_be_read_harms_no_other(self, ann, damage):
        numbers = added(ann, *(person_jpeg(n) for n in range(3)))
        stored = StoredFile.objects.filter(name=Photo.objects.get(pk=numbers[1]).image.name)
        stored.delete() if damage == "gone" else stored.update(content=b"no picture")
        assert photos.process_photos(numbers) == 3
        assert states(numbers) == [READY, ("rejected", "unreadable"), READY]

    @pytest.mark.parametrize("where", ["decode", "find"])
    def test_a_photo_that_fails_as_nobody_thought_of_harms_no_other(self, ann, gpu, monkeypatch, where):
        numbers = added(ann, *(person_jpeg(n) for n in range(3)), person_jpeg(5, size=170))
        if where == "decode":
            real = photo_batches.images.decode

            def decode(data, **how):
                image = real(data, **how)
                if image.shape[0] == 340:
                    raise ZeroDivisionError
                return image

            monkeypatch.setattr(photo_batches.images, "decode", decode)
        else:
            seen = gpu.detector.detect

            def detect(image, **how):
                if image.shape[0] == 340:
                    raise ZeroDivisionError
                return seen(image, **how)

            monkeypatch.setattr(gpu.detector, "detect", detect)
        for waits in (WAITING, WAITING, ("rejected", "failed")):
            photos.process_photos(numbers)
            assert states(numbers) == [READY, READY, READY, waits]
        assert set(Photo.objects.exclude(pk=numbers[3]).values_list("attempts", flat=True)) == {1}

    def test_without_models_the_photos_are_not_to_blame(self, ann, gpu, monkeypatch):
        def broken(*args, **how):
            raise ModelFileError("weights are missing")

        numbers = added(ann, *(person_jpeg(n) for n in range(3)))
        for part, verb in ((gpu.detector, "look_many"), (gpu.embedder, "embed")) * 2:
            with monkeypatch.context() as patch:
                patch.setattr(part, verb, broken)
                with pytest.raises(ModelFileError):
                    photos.process_photos(numbers)
            assert states(numbers) == [WAITING] * 3
            assert attempts() == {0}
        assert photos.process_photos(numbers) == 3

    def test_what_fails_while_it_is_written_puts_back_the_others(self, ann, monkeypatch):
        numbers = added(ann, *(person_jpeg(n) for n in range(3)))
        real = photos.store

        def store(photo, *more):
            if photo.pk == numbers[1]:
                raise ZeroDivisionError
            return real(photo, *more)

        monkeypatch.setattr(photos, "store", store)
        with pytest.raises(ZeroDivisionError):
            photos.process_photos(numbers)
        assert states(numbers) == [READY, ("processing", ""), WAITING]
        assert Photo.objects.get(pk=numbers[2]).attempts == 0

    def test_a_lost_connection_is_no_reason_to_reject(self, ann, monkeypatch):
        def broken(*args):
            raise OperationalError("server closed the connection")

        numbers = added(ann, person_jpeg(1), person_jpeg(2))
        with monkeypatch.context() as patch:
            patch.setattr(photos, "save_finding", broken)
            with pytest.raises(OperationalError):
                photos.process_photos(numbers)
        long_ago()
        assert photos.process_photos(numbers) == 2

    def test_photos_that_were_tried_before_go_alone(self, ann, gpu):
        numbers = added(ann, *(person_jpeg(n) for n in range(4)))
        Photo.objects.filter(pk=numbers[1]).update(attempts=1)
        assert photos.process_photos(numbers) == 4
        assert gpu.detector.sizes == [3]


def long_ago():
    Photo.objects.update(claimed_at=timezone.now() - timedelta(minutes=6))


@committed
def test_two_workers_share_the_photos(ann):
    numbers = added(ann, *(person_jpeg(n) for n in range(8)))
    assert sum(at_once(*[lambda: photos.process_photos(numbers)] * 3)) == 8
    assert set(states(numbers)) == {READY}
    assert Embedding.objects.count() == 8


KILLED_AT = """
import os, signal
from recognition.services.enrolment import photo_batches, photos
from recognition.services.analysis import Analyzer
Analyzer.batches = True
poison, *numbers = map(int, sys.argv[1:])
marks = {p.pk: p.width for p in photos.Photo.objects.all()}
def killing(real):
    def examine(image, *args, **how):
        pictures = image if isinstance(image, list) else [image]
        if any(picture.shape[1] == marks[poison] for picture in pictures):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(image, *args, **how)
    return examine
photo_batches.examine_many = killing(photo_batches.examine_many)
photos.examine = killing(photos.examine)
photos.process_photos(numbers)
"""


@committed
@pytest.mark.faults
def test_a_photo_that_kills_the_worker_is_found_out_and_harms_no_other(ann):
    """A real process that is killed by one photo of its batch. The second time each photo goes alone."""
    numbers = added(ann, person_jpeg(1), person_jpeg(2, size=200), person_jpeg(3))
    poison = numbers[1]
    active_model()  # before the other process registers the real one
    for attempt in range(1, 4):
        assert run(poison, *numbers, code=KILLED_AT).status == -signal.SIGKILL
        assert Photo.objects.get(pk=poison).attempts == attempt
        long_ago()
    photos.process_photos(numbers)
    assert states([poison]) == [("rejected", "failed")]
    assert max(Photo.objects.exclude(pk=poison).values_list("attempts", flat=True)) <= 2
    assert not Photo.objects.exclude(pk=poison).exclude(state__in=["ready", "review", "rejected"]).exists()


class TestImport:
    @pytest.fixture
    def folder(self, tmp_path):
        return people_folder(tmp_path / "people", walls=1)

    def test_photos_of_several_people_in_one_run(self, folder, gpu):
        seen = []
        report = import_people(read_plan(folder), on_photo=lambda: seen.append(1))
        assert (report.people, report.enrolled, len(report.rejected), len(seen)) == (4, 12, 1, 13)
        assert gpu.detector.sizes == [13]
        assert gpu.embedder.sizes == [12]
        assert len(live_gallery.current()) == 4
        assert import_people(read_plan(folder)) == Report(skipped=13)

    def test_batches_of_many_people_and_of_one(self, folder, gpu, monkeypatch):
        monkeypatch.setattr(import_batches, "BATCH", 2)
        report = import_people(read_plan(folder))
        assert (report.people, report.enrolled) == (4, 12)
        assert gpu.detector.sizes == [2] * 6 + [1]

    def test_bad_files_and_bad_luck_harm_no_other(self, folder, gpu, monkeypatch):
        (folder / "Person_0" / "text.jpg").write_text("no picture")
        (folder / "Person_1" / "odd.jpg").write_bytes(person_jpeg(1, size=170))
        real = gpu.detector.detect

        def detect(image, **how):
            if image.shape[0] == 340:
                raise ZeroDivisionError
            return real(image, **how)

        monkeypatch.setattr(gpu.detector, "detect", detect)
        report = import_people(read_plan(folder))
        assert (report.people, report.enrolled) == (4, 12)
        assert sorted(row["reason"] for row in report.rejected) == ["failed", "no_face", "unreadable"]

    def test_without_models_nothing_is_written(self, folder, gpu, monkeypatch):
        def broken(*args, **how):
            raise ModelFileError("weights are missing")

        monkeypatch.setattr(gpu.detector, "look_many", broken)
        with pytest.raises(ModelFileError):
            import_people(read_plan(folder))
        assert not Photo.objects.exists()

    def test_in_the_background_nothing_is_looked_at(self, folder, gpu):
        assert import_people(read_plan(folder), in_background=True).enqueued == 13
        assert gpu.detector.sizes == []
