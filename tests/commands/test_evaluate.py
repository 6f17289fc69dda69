"""`manage.py evaluate`."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from recognition.models import Identity
from tests.galleries import people_folder

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture
def folder(tmp_path):
    return people_folder(tmp_path / "people", walls=1)


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("evaluate", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_figures_are_printed_and_the_report_written(folder, tmp_path):
    said = run(folder, "--output", tmp_path / "report")
    assert "13 photos of 4 people: 12 with a face, 1 without" in said
    assert "one view (in use)" in said
    assert "with mirrored view" in said
    assert "too few impostor pairs to say" in said
    assert "too few strangers to say" in said
    assert (tmp_path / "report" / "evaluation.html").exists()
    assert str(tmp_path / "report" / "evaluation.html") in said
    assert not Identity.objects.exists()


def test_json_is_one_document(folder, tmp_path):
    document = json.loads(run(folder, "--json", "--mirrored", "off", "--output", tmp_path / "report"))
    assert set(document["variants"]) == {"plain"}
    assert json.loads((tmp_path / "report" / "evaluation.json").read_text()) == document


def test_the_report_goes_to_the_data_folder_by_itself(folder, settings):
    run(folder, "--json")
    assert list((settings.DATA_DIR / "evaluation").glob("*/evaluation.html"))


def test_pairs_and_groups(folder, tmp_path):
    (tmp_path / "pairs.txt").write_text("Person_0\t1\t2\nPerson_0\t1\tPerson_1\t1\n")
    (tmp_path / "groups.csv").write_text("person_id,group\nPerson_0,left\nPerson_1,left\n")
    said = run(folder, "--pairs", tmp_path / "pairs.txt", "--groups", tmp_path / "groups.csv")
    assert "pairs file" in said
    assert "group left" in said
    assert "too few people to compare" in said


def test_groups_by_folder(folder, tmp_path):
    (tmp_path / "all" / "north").parent.mkdir()
    folder.rename(tmp_path / "all" / "north")
    assert "group north" in run(tmp_path / "all", "--groups", "folders")


@pytest.mark.parametrize(("people", "message"), [(0, "names nobody"), (1, "one person only")])
def test_a_folder_that_cannot_be_measured_is_a_sentence(tmp_path, people, message):
    empty = tmp_path / "few"
    empty.mkdir()
    with pytest.raises(CommandError, match=message):
        run(people_folder(empty, people=people))


def test_missing_photos_of_pairs_are_a_sentence(folder, tmp_path):
    (tmp_path / "pairs.txt").write_text("Person_0 1 77\nPerson_0 1 Person_1 1\n")
    with pytest.raises(CommandError, match="Person_0 77"):
        run(folder, "--pairs", tmp_path / "pairs.txt")


def test_a_report_that_cannot_be_written(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="cannot be written"):
        run(folder, "--output", tmp_path / "file" / "report")
