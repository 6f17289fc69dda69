"""`export_person`: a new file, for its owner only."""

from __future__ import annotations

import stat
import zipfile
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from recognition.services.identities import people

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fake_model_in_use")]


def test_writes_it_for_its_owner_only(tmp_path):
    people.create_identity(name="Ann", external_id="A-1")
    path = tmp_path / "ann.zip"
    call_command("export_person", "A-1", str(path), stdout=StringIO())
    assert "person.json" in zipfile.ZipFile(path).namelist()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["ann.zip"]


@pytest.mark.parametrize(
    ("person", "file", "code"),
    [("A-2", "a.zip", "unknown_person"), ("A-1", "there.zip", "exists"), ("A-1", "no/a.zip", "unwritable")],
)
def test_what_it_refuses(tmp_path, person, file, code):
    people.create_identity(name="Ann", external_id="A-1")
    (tmp_path / "there.zip").touch()
    with pytest.raises(CommandError) as refused:
        call_command("export_person", person, str(tmp_path / file), stdout=StringIO())
    assert refused.value.code == code
