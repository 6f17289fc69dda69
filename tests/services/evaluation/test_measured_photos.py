"""Measuring the photos of a folder: what is counted, what is kept for the next run."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.services.analysis.analyzer import get_analyzer
from recognition.services.errors import Invalid
from recognition.services.evaluation import measured_photos
from recognition.services.evaluation.measured_photos import cache_path, main_face, measure_photos
from tests.fakes import person_jpeg, person_picture
from tests.galleries import people_folder

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


def test_every_photo_is_accounted_for(tmp_path):
    folder = people_folder(tmp_path / "people", walls=2)
    (folder / "Person_0" / "text.jpg").write_text("no picture")
    (folder / "Person_0" / "again.jpg").write_bytes((folder / "Person_0" / "Person_0_0001.jpg").read_bytes())
    (folder / "Person_1" / "theirs.jpg").write_bytes((folder / "Person_0" / "Person_0_0001.jpg").read_bytes())
    (folder / "Person_3" / "small.jpg").write_bytes(person_jpeg(3, size=30))
    (folder / "empty").mkdir()
    found = measure_photos(folder)
    counts = found.counts
    assert counts["photos"] == 12 + 2 + 4
    assert (counts["people"], counts["people_with_two"]) == (4, 4)
    assert (counts["with_face"], counts["no_face"], counts["unreadable"], counts["missing"]) == (13, 2, 1, 0)
    assert [row["same_person"] for row in counts["duplicates"]] == [True, False] or len(
        counts["duplicates"]
    ) == 2
    assert counts["refused_as_probe"] == {"too_small": 1}
    assert len(found.owners) == len(found.paths) == len(found.vectors["plain"]) == 13
    assert found.people == ["Person_0", "Person_1", "Person_2", "Person_3"]
    np.testing.assert_allclose(np.linalg.norm(found.vectors["mirrored"], axis=1), 1, atol=1e-5)


def test_empty_and_too_large_files_are_unreadable_each(tmp_path, monkeypatch):
    folder = people_folder(tmp_path / "people", people=2)
    monkeypatch.setattr(measured_photos.images, "MAX_BYTES", 100_000)
    for person in ("Person_0", "Person_1"):
        (folder / person / "empty.jpg").write_bytes(b"")
        (folder / person / "large.jpg").write_bytes(person.encode() * 20_000)
    found = measure_photos(folder)
    assert (found.counts["with_face"], found.counts["unreadable"]) == (6, 4)
    assert found.counts["duplicates"] == []
    assert len(found.absent) == 4
    assert set(found.absent.values()) == {None}


def test_the_second_run_looks_at_no_picture(tmp_path, monkeypatch):
    folder = people_folder(tmp_path / "people", walls=1)
    first = measure_photos(folder)
    monkeypatch.setattr(measured_photos, "_look", lambda data: pytest.fail("looked at a known photo"))
    second = measure_photos(folder)
    np.testing.assert_array_equal(first.vectors["plain"], second.vectors["plain"])
    assert first.counts == second.counts


def test_without_cache_nothing_is_kept(tmp_path, settings):
    measure_photos(people_folder(tmp_path / "people"), cached=False)
    assert not settings.DATA_DIR.exists()


def test_another_model_has_another_cache(monkeypatch):
    analyzer = get_analyzer()
    before = cache_path(analyzer, analyzer.embedder_spec)
    from dataclasses import replace

    monkeypatch.setattr(analyzer, "embedder_spec", replace(analyzer.embedder_spec, sha256="1" * 64))
    assert cache_path(analyzer, analyzer.embedder_spec) != before


def test_progress_counts_all_photos(tmp_path):
    told = []
    measure_photos(
        people_folder(tmp_path / "people"), on_plan=told.append, on_photo=lambda: told.append("photo")
    )
    assert told == [12, *["photo"] * 12]


def test_a_csv_of_photos_some_of_which_are_missing(tmp_path):
    people_folder(tmp_path / "people", people=2, photos=1)
    (tmp_path / "data.csv").write_text(
        "person_id,name,path\n"
        "a,A,people/Person_0/Person_0_0001.jpg\nb,B,people/Person_1/Person_1_0001.jpg\nb,B,people/none.jpg\n"
    )
    assert measure_photos(tmp_path / "data.csv").counts["missing"] == 1


@pytest.mark.parametrize(
    ("people", "photos", "code"), [(0, 0, "nobody"), (2, 0, "no_photos"), (1, 3, "one_person")]
)
def test_a_folder_that_cannot_be_measured(tmp_path, people, photos, code):
    folder = tmp_path / "people"
    folder.mkdir()
    people_folder(folder, people=people, photos=photos)
    with pytest.raises(Invalid) as error:
        measure_photos(folder)
    assert error.value.code == code


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(Invalid, match="no folder"):
        measure_photos(tmp_path / "none")


def test_the_main_face_is_large_and_in_the_middle():
    from recognition.engine.quality import PROBE

    picture = person_picture(1, 2, 3, size=120)
    faces = get_analyzer().find(picture, PROBE)
    assert len(faces) == 3
    left, _, right, _ = main_face(picture, faces).face.box
    assert (left + right) / 2 == pytest.approx(picture.shape[1] / 2, abs=5)
