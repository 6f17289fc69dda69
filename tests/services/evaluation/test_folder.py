"""Evaluating a folder: pairs of a file, groups, both variants, and the report's files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from recognition.services.errors import Invalid
from recognition.services.evaluation.folder import evaluate
from recognition.services.evaluation.measured_photos import measure_photos
from recognition.services.evaluation.report import write_report
from tests.galleries import people_folder

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture
def photos(tmp_path):
    return measure_photos(people_folder(tmp_path / "people", people=6, walls=1))


def text(tmp_path, content: str, name: str = "file.txt"):
    path = tmp_path / name
    path.write_text(content)
    return path


def test_the_document(photos):
    found = evaluate(photos, source="fake people")
    assert found["model"]["name"] == "fake-embedder"
    assert found["photos"]["no_face"] == 1
    assert found["variant"] == "plain"
    assert set(found["variants"]) == {"plain", "mirrored"}
    verification = found["variants"]["plain"]["verification"]
    assert verification["genuine_pairs"] == 18
    assert verification["auc"] == 1
    assert verification["in_force"]["threshold"] == 0.5
    confusable = found["variants"]["plain"]["identification"]["confusable"]
    assert {pair["first"].split("_")[0] for pair in confusable} == {"Person"}


def test_pairs_of_a_file(photos, tmp_path):
    pairs = text(
        tmp_path,
        "2 2\nPerson_0 1 2\nPerson_0 1 4\nPerson_0 1 Person_1 1\nPerson_1 1 Person_0 4\n"
        "Person_2 1 2\nPerson_3 1 3\nPerson_2 1 Person_3 1\nPerson_4 1 Person_5 1\n",
    )
    found = evaluate(photos, source="fake people", variants=("plain",), pairs=pairs)["variants"]["plain"][
        "pairs"
    ]
    assert (found["genuine_pairs"], found["impostor_pairs"]) == (4, 4)
    assert found["without_score"] == 2  # photo 4 of Person_0 is a wall
    assert found["in_force"]["fnmr"] == pytest.approx(0.25)
    assert found["accuracy"]["folds"] == 2
    assert 0.5 < found["accuracy"]["mean"] <= 1


def test_a_pair_may_name_the_second_of_two_equal_files(tmp_path):
    folder = people_folder(tmp_path / "twins", people=3)
    first = (folder / "Person_0" / "Person_0_0002.jpg").read_bytes()
    (folder / "Person_0" / "Person_0_0009.jpg").write_bytes(first)
    photos = measure_photos(folder)
    pairs = text(tmp_path, "Person_0 1 9\nPerson_0 1 Person_1 1\n")
    found = evaluate(photos, source="fake people", variants=("plain",), pairs=pairs)["variants"]["plain"]
    assert found["pairs"]["without_score"] == 0
    assert found["verification"]["genuine_pairs"] == 9


def test_pairs_that_name_missing_photos(photos, tmp_path):
    pairs = text(tmp_path, "Person_0 1 9\nNobody 1 Person_1 1\n")
    with pytest.raises(Invalid, match="2 photos that are not there: Nobody 1, Person_0 9"):
        evaluate(photos, source="fake people", pairs=pairs)


def test_pairs_file_that_is_none(photos, tmp_path):
    with pytest.raises(Invalid, match="line 1"):
        evaluate(photos, source="fake people", pairs=text(tmp_path, "what is this supposed to be\n"))


def test_pairs_of_one_kind(photos, tmp_path):
    with pytest.raises(Invalid, match="both genuine and impostor"):
        evaluate(photos, source="fake people", pairs=text(tmp_path, "Person_0 1 2\n"))


def test_groups(photos, tmp_path):
    groups = text(
        tmp_path,
        "person_id,group\nPerson_0,a\nPerson_1,a\nPerson_2,b\nPerson_3,b\nPerson_4,b\nElsewhere,c\n",
    )
    found = evaluate(photos, source="fake people", variants=("plain",), groups=groups)["variants"]["plain"][
        "groups"
    ]
    assert [(row["group"], row["people"], row["photos"]) for row in found["rows"]] == [
        ("a", 2, 6),
        ("b", 3, 9),
    ]
    assert all(row["fnmr"] == 0 for row in found["rows"])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("person,group\nPerson_0,a\n", "wrong_columns"),
        ("person_id,group\nElsewhere,a\n", "no_groups"),
        ("person_id,group\nPerson_0,a\nPerson_0,b\n", "two_groups"),
    ],
)
def test_bad_groups(photos, tmp_path, content, code):
    with pytest.raises(Invalid) as error:
        evaluate(photos, source="fake people", groups=text(tmp_path, content))
    assert error.value.code == code


@pytest.fixture
def grouped(tmp_path):
    people = people_folder(tmp_path / "people", people=5)
    for name, group in (
        ("Person_0", "north"),
        ("Person_1", "north"),
        ("Person_2", "south"),
        ("Person_3", "south"),
    ):
        (tmp_path / "groups" / group).mkdir(parents=True, exist_ok=True)
        (people / name).rename(tmp_path / "groups" / group / name)
    return tmp_path / "groups"


def test_groups_by_folder(grouped):
    found = evaluate(measure_photos(grouped, grouped=True), source="fake people", variants=("plain",))
    rows = found["variants"]["plain"]["groups"]["rows"]
    assert {(row["group"], row["people"], row["photos"]) for row in rows} == {
        ("north", 2, 6),
        ("south", 2, 6),
    }


def test_a_person_in_the_folders_of_two_groups(grouped):
    (grouped / "north" / "Person_0").rename(grouped / "south" / "Person_1")
    with pytest.raises(Invalid, match="Person_1 is in two groups, north and south"):
        measure_photos(grouped, grouped=True)


@pytest.mark.parametrize(("name", "code"), [("empty", "no_groups"), ("nowhere", "unreadable_path")])
def test_folders_of_no_groups(tmp_path, name, code):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Invalid) as error:
        measure_photos(tmp_path / name, grouped=True)
    assert error.value.code == code


def test_refused_photos_are_shown(photos, tmp_path):
    document = evaluate(photos, source="fake people", variants=("plain",))
    (refused,) = document["photos"]["refused"]
    assert refused["reason"] == "no_face"
    written = write_report(document, tmp_path / "report")
    page = written["evaluation.html"].read_text()
    assert "No face was found" in page
    assert "data:image/jpeg;base64," in page


def test_a_refused_photo_that_went_away_is_named_without_a_picture(photos, tmp_path):
    document = evaluate(photos, source="fake people", variants=("plain",))
    refused = document["photos"]["refused"][0]
    refused["path"] += ".gone"
    page = write_report(document, tmp_path / "report")["evaluation.html"].read_text()
    assert refused["person"] in page
    assert "data:image/jpeg" not in page


def test_groups_that_are_not_there(photos, tmp_path):
    with pytest.raises(Invalid, match="cannot be read"):
        evaluate(photos, source="fake people", groups=tmp_path / "none.csv")


def test_nobody_with_two_faces(tmp_path):
    photos = measure_photos(people_folder(tmp_path / "others", people=3, photos=1))
    with pytest.raises(Invalid, match="two photos"):
        evaluate(photos, source="fake people")


def test_the_report_holds_everything(photos, tmp_path):
    document = evaluate(photos, source="<fake> people")
    written = write_report(document, tmp_path / "report")
    assert {path.name for path in (tmp_path / "report").iterdir()} == set(written)
    assert set(written) == {
        f"{name}.{kind}" for name in ("roc", "scores", "open_set") for kind in ("png", "svg")
    } | {"evaluation.json", "evaluation.html"}
    assert written["roc.png"].read_bytes().startswith(b"\x89PNG")
    assert "<svg" in written["scores.svg"].read_text()
    assert json.loads(written["evaluation.json"].read_text()) == json.loads(json.dumps(document))
    page = written["evaluation.html"].read_text()
    assert page.count("data:image/svg+xml;base64,") == 3
    assert "&lt;fake&gt; people" in page
    assert "too few impostor pairs" in page
    assert 'src="http' not in page


def test_progress_ends_at_one(photos):
    told = []
    evaluate(photos, source="fake people", progress=told.append)
    assert told[-1] == 1
    assert np.all(np.diff(told) >= 0)
