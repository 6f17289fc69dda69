"""Importing in bulk: each person whole or not at all, twice adds nothing, every photo is accounted for."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from recognition.engine.types import ModelFileError
from recognition.models import Embedding, GalleryBuild, Identity, Photo, StoredFile
from recognition.services.analysis.analyzer import get_analyzer
from recognition.services.enrolment import examination, importing, photos
from recognition.services.enrolment.import_plan import PlannedPerson, read_plan
from recognition.services.enrolment.import_report import Report
from recognition.services.enrolment.importing import import_people
from recognition.services.gallery.live import live_gallery
from recognition.services.gallery.log import last_change
from recognition.services.identities import erasure, people
from tests.fakes import person_jpeg, wall_jpeg
from tests.galleries import people_folder
from tests.threads import at_once, in_background

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path):
    """Four people with three photos; one of them has a picture of a wall, too."""
    return people_folder(tmp_path / "people", walls=1)


def write(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def reasons(report):
    return {(row["external_id"], row["path"].rsplit("/", 1)[-1]): row["reason"] for row in report.rejected}


def counts():
    return [model.objects.count() for model in (Identity, Photo, Embedding, StoredFile)]


class TestFolder:
    def test_everybody_is_in_and_found(self, folder):
        seen = []
        report = import_people(read_plan(folder), on_photo=lambda: seen.append(1))
        assert (report.people, report.enrolled, report.skipped, report.enqueued) == (4, 12, 0, 0)
        assert reasons(report) == {("Person_0", "Person_0_0004.jpg"): "no_face"}
        assert report.rejected[0]["message"].startswith("No face was found")
        assert len(seen) == 13
        assert report.without_vector == []
        assert sorted(Identity.objects.values_list("name", flat=True))[0] == "Person 0"
        assert len(live_gallery.current()) == 4
        assert counts() == [4, 13, 12, 25]
        photo = Photo.objects.filter(state="ready").first()
        assert (photo.filename, photo.chosen_face) == ("Person_0_0001.jpg", 0)

    def test_again_adds_nothing(self, folder):
        import_people(read_plan(folder))
        before = counts(), last_change()
        report = import_people(read_plan(folder))
        assert report == Report(skipped=13)
        assert (counts(), last_change()) == before

    def test_new_photos_are_added_to_those_who_are_there(self, folder):
        import_people(read_plan(folder))
        write(folder, {"Person_1/new.jpg": person_jpeg(1, variant=9)})
        report = import_people(read_plan(folder))
        assert (report.people, report.enrolled, report.skipped) == (0, 1, 13)
        assert people.get_identity("Person_1").photos.count() == 4

    def test_a_folder_without_photos_makes_nobody(self, folder):
        (folder / "Empty").mkdir()
        report = import_people(read_plan(folder))
        assert reasons(report)[("Empty", "")] == "no_photos"
        assert not Identity.objects.filter(external_id="Empty").exists()

    def test_only_rejected_photos(self, tmp_path):
        write(tmp_path, {"Wall/1.jpg": wall_jpeg(1), "Wall/2.jpg": wall_jpeg(2), "Ann/1.jpg": person_jpeg(1)})
        report = import_people(read_plan(tmp_path))
        assert report.without_vector == ["Wall"]
        assert people.get_identity("Wall").photos.filter(reason="no_face").count() == 2
        assert [live_gallery.current().identities()] == [[people.get_identity("Ann").pk]]
        assert import_people(read_plan(tmp_path)).without_vector == ["Wall"]

    def test_files_that_are_no_pictures(self, tmp_path):
        jpeg = person_jpeg(1)
        write(
            tmp_path,
            {
                "Ann/empty.jpg": b"",
                "Ann/text.jpg": b"hello",
                "Ann/cut.jpg": jpeg[: len(jpeg) // 2],
                "Ann/large.jpg": b"\xff" * (15 * 2**20 + 1),
                "Ann/good.jpg": jpeg,
                "Ann/same.jpg": jpeg,
                "Ben/text.jpg": b"hello",
            },
        )
        report = import_people(read_plan(tmp_path))
        assert reasons(report) == {
            ("Ann", "empty.jpg"): "empty",
            ("Ann", "text.jpg"): "unreadable",
            ("Ann", "cut.jpg"): "unreadable",
            ("Ann", "large.jpg"): "too_large",
            ("Ann", "same.jpg"): "duplicate",
            ("Ben", "text.jpg"): "unreadable",
        }
        assert report.as_dict()["reasons"]["unreadable"] == 3
        # Of Ben nothing can be kept, so he is not made.
        assert list(Identity.objects.values_list("external_id", flat=True)) == ["Ann"]

    def test_one_file_under_two_people_enrols_one(self, tmp_path):
        write(
            tmp_path, {"Ann/1.jpg": person_jpeg(1), "Ben/1.jpg": person_jpeg(1), "Ben/2.jpg": person_jpeg(2)}
        )
        for _ in range(2):
            report = import_people(read_plan(tmp_path))
            assert reasons(report) == {("Ben", "1.jpg"): "other_person"}
            assert "Ann" in report.rejected[0]["message"]
        assert counts()[:3] == [2, 2, 2]

    def test_one_group_picture_under_two_people_waits_for_a_choice_in_both(self, tmp_path):
        write(tmp_path, {"Ann/1.jpg": person_jpeg(1, 2), "Ben/1.jpg": person_jpeg(1, 2)})
        report = import_people(read_plan(tmp_path))
        assert set(reasons(report).values()) == {"several_faces"}
        assert Photo.objects.count() == 2

    def test_names_that_cannot_be_used(self, tmp_path):
        names = ["Ben\udc80", "x" * 121, "line\nbreak"]
        write(tmp_path, {f"{name}/1.jpg": person_jpeg(1) for name in [" Ann", *names]})
        report = import_people(read_plan(tmp_path))
        assert {(row["external_id"], row["reason"]) for row in report.rejected} == {
            (name, "invalid_person") for name in names
        }
        assert list(Identity.objects.values_list("external_id", flat=True)) == ["Ann"]
        assert import_people(read_plan(tmp_path)).skipped == 1

    def test_a_big_import_builds_the_index(self, folder, monkeypatch, tmp_path):
        monkeypatch.setattr("recognition.services.gallery.index.gallery_folder", lambda: tmp_path / "gallery")
        monkeypatch.setattr(importing, "REBUILD_AFTER", 12)
        import_people(read_plan(folder))
        assert GalleryBuild.objects.get().identities == 4


class TestCsv:
    def test_rows(self, tmp_path):
        write(tmp_path, {"a/1.jpg": person_jpeg(1), "b.jpg": person_jpeg(2)})
        (tmp_path / "data.csv").write_text(
            "person_id,name,path\nP1,Ann,a/1.jpg\nP1,Ann,gone.jpg\nP2,Ben,b.jpg\nP3,Cid,\nP4,Dan,gone.jpg\n"
            "P/5,Eve,b.jpg\nP6,Fay,a\n"
        )
        report = import_people(read_plan(tmp_path / "data.csv"))
        assert list(Identity.objects.order_by("external_id").values_list("external_id", "name")) == [
            ("P1", "Ann"),
            ("P2", "Ben"),
            ("P3", "Cid"),
        ]
        assert report.people == 3
        assert report.without_vector == ["P3"]
        assert reasons(report) == {
            ("P1", "gone.jpg"): "missing",
            ("P4", "gone.jpg"): "missing",
            ("P/5", "b.jpg"): "invalid_person",
            ("P6", "a"): "missing",
        }
        assert "No slashes" in next(r["message"] for r in report.rejected if r["external_id"] == "P/5")

    def test_a_zero_byte_in_a_path(self, tmp_path):
        report = import_people([PlannedPerson("P1", "Ann", [tmp_path / "a\x00b.jpg"])])
        assert reasons(report) == {("P1", "a\x00b.jpg"): "missing"}


@committed
class TestInBackground:
    def test_photos_wait_and_are_enqueued(self, folder, monkeypatch):
        sent = []
        monkeypatch.setattr("recognition.services.queue._send", lambda task, args: sent.append(args[0]))
        report = import_people(read_plan(folder), in_background=True)
        assert (report.people, report.enrolled, report.enqueued, report.rejected) == (4, 0, 13, [])
        assert report.without_vector == []
        waiting = [number for numbers in sent for number in numbers]
        assert sorted(waiting) == sorted(Photo.objects.filter(state="waiting").values_list("pk", flat=True))
        assert all(len(numbers) <= 20 for numbers in sent)
        assert len(sent) == 4
        for numbers in sent:
            photos.process_photos(numbers)
        assert len(live_gallery.current()) == 4


class TestFaults:
    def test_stopped_in_the_middle_leaves_whole_people(self, folder):
        """As by Ctrl-C, which arrives between any two steps."""
        report = Report()
        seen = []

        def stop():
            seen.append(1)
            if len(seen) == 8:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            import_people(read_plan(folder), on_photo=stop, report=report)
        assert report.people == Identity.objects.count() == 2
        assert report.enrolled == Photo.objects.filter(state="ready").count() == 6
        again = import_people(read_plan(folder))
        assert (again.people, again.enrolled, again.skipped) == (2, 6, 7)

    def test_asked_to_stop_it_writes_nobody_else(self, folder):
        """Not even the one whose photos are looked at just then."""
        seen = []
        report = import_people(
            read_plan(folder), on_photo=lambda: seen.append(1), stop=lambda: len(seen) >= 5
        )
        assert report.stopped
        assert report.people == Identity.objects.count() == 1
        assert report.enrolled == Photo.objects.filter(state="ready").count() > 0

    def test_an_error_while_writing_a_person_leaves_nothing_of_it(self, folder, monkeypatch):
        real = photos.save_finding
        written = []

        def save(photo, *args):
            written.append(1)
            if len(written) == 6:
                raise KeyboardInterrupt
            return real(photo, *args)

        monkeypatch.setattr(photos, "save_finding", save)
        report = Report()
        with pytest.raises(KeyboardInterrupt):
            import_people(read_plan(folder), report=report)
        assert [Identity.objects.count(), Photo.objects.count()] == [1, 4]
        assert (report.people, report.enrolled, len(report.rejected)) == (1, 3, 1)
        assert StoredFile.objects.count() == 7

    def test_a_decoder_that_fails_as_nobody_thought_of(self, folder, monkeypatch):
        real = examination.examine
        calls = []

        def examine(image, **how):
            calls.append(1)
            if len(calls) == 1:
                raise ZeroDivisionError
            return real(image, **how)

        monkeypatch.setattr(importing, "examine", examine)
        report = import_people(read_plan(folder), threads=1)
        assert report.enrolled == 11
        assert "failed" in reasons(report).values()

    def test_without_models_nothing_is_written(self, folder, monkeypatch):
        def broken(*args, **kwargs):
            raise ModelFileError("weights are missing")

        monkeypatch.setattr(type(get_analyzer()), "find", broken)
        with pytest.raises(ModelFileError):
            import_people(read_plan(folder))
        assert counts() == [0, 0, 0, 0]

    def test_a_file_that_vanishes_between_looking_and_reading(self, folder, monkeypatch):
        real = importing._read

        def read(path, *args):
            shutil.rmtree(folder / "Person_2", ignore_errors=True)
            return real(path, *args)

        monkeypatch.setattr(importing, "_read", read)
        report = import_people(read_plan(folder))
        assert {who for who, _ in reasons(report)} == {"Person_0", "Person_2"}
        assert report.people == Identity.objects.count() == 3


@committed
class TestAtTheSameTime:
    def test_two_imports_of_the_same_people(self, folder):
        plan = read_plan(folder)
        reports = at_once(*[lambda: import_people(plan)] * 2)
        assert sum(report.people for report in reports) == 4
        assert sum(report.enrolled for report in reports) == 12
        assert counts() == [4, 13, 12, 25]
        assert sum(report.skipped for report in reports) == 13

    def test_a_person_is_erased_while_its_photos_are_read(self, folder, monkeypatch):
        people.create_identity(name="Old", external_id="Person_0")
        reading, go_on = Event(), Event()
        real = importing._read

        def read(*args):
            reading.set()
            assert go_on.wait(20)
            return real(*args)

        monkeypatch.setattr(importing, "_read", read)
        with ThreadPoolExecutor(1) as pool:
            running = in_background(pool, lambda: import_people(read_plan(folder)))
            assert reading.wait(20)
            erasure.erase(people.get_identity("Person_0"))
            go_on.set()
            report = running.result(20)
        assert report.people == 4
        assert people.get_identity("Person_0").name == "Person 0"
        assert counts() == [4, 13, 12, 25]
