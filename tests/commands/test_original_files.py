"""`import_npz`, `export_npz` and `export_people`; the services have their own tests of what may go wrong."""

from __future__ import annotations

import json
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from recognition.models import Identity
from recognition.services.identities import people
from tests.galleries import labelled_vectors

pytestmark = pytest.mark.django_db


@pytest.fixture
def npz(tmp_path):
    owners, vectors = labelled_vectors(4, 2)
    path = tmp_path / "vn2db.npz"
    np.savez(
        path,
        embs=vectors,
        imm_classes=np.array([f"P{owner}" for owner in owners]),
        filenames=np.array([f"{n}.jpg" for n in range(8)]),
    )
    return path


def run(command: str, *arguments: object) -> str:
    out = StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue()


def test_import_and_export(npz, tmp_path):
    (tmp_path / "data.csv").write_text("person_id,name,path\nP1,Ann Example,\n")
    assert "4 people and 8 embeddings imported" in run("import_npz", npz, "--names", tmp_path / "data.csv")
    assert people.get_identity("P1").name == "Ann Example"
    assert json.loads(run("import_npz", npz, "--json"))["skipped"] == 8
    assert "8 embeddings of 4 people" in run("export_npz", tmp_path / "again.npz")
    with np.load(npz) as before, np.load(tmp_path / "again.npz") as after:
        for name in before.files:
            np.testing.assert_array_equal(before[name], after[name])


def test_rejected_rows_are_named(npz, tmp_path):
    with np.load(npz) as stored:
        content = dict(stored)
    content["embs"][3] = 0
    np.savez(npz, **content)
    assert "P1 3.jpg: The embedding is all zeros" in run("import_npz", npz)


def test_a_file_of_nothing_usable_ends_with_status_1(npz):
    with np.load(npz) as stored:
        content = dict(stored)
    content["embs"][:] = 0
    np.savez(npz, **content)
    with pytest.raises(SystemExit) as ended:
        run("import_npz", npz)
    assert ended.value.code == 1


def test_a_damaged_file_is_a_sentence(tmp_path):
    (tmp_path / "vn2db.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(CommandError, match="damaged"):
        run("import_npz", tmp_path / "vn2db.npz")


def test_an_unknown_model(npz):
    with pytest.raises(CommandError, match="no model 'other'"):
        run("import_npz", npz, "--model", "other")


def test_names_with_wrong_columns(npz, tmp_path):
    (tmp_path / "data.csv").write_text("number,name\nP1,Ann\n")
    with pytest.raises(CommandError, match="lacks the columns person_id, path"):
        run("import_npz", npz, "--names", tmp_path / "data.csv")
    assert not Identity.objects.exists()


def test_export_to_nowhere(tmp_path):
    with pytest.raises(CommandError, match="cannot be written"):
        run("export_npz", tmp_path / "none" / "vn2db.npz")


def test_export_people(enrol, tmp_path):
    enrol(1)
    assert "1 people and 2 photos" in run("export_people", tmp_path / "out")
    with pytest.raises(CommandError, match="already there"):
        run("export_people", tmp_path / "out")
    found = json.loads(run("export_people", tmp_path / "csv", "--without-photos", "--json"))
    assert (found["people"], found["photos"]) == (1, 2)
