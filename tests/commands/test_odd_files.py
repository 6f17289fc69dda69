"""Every kind of file that is no ordinary photo, through the commands: a reason, and nothing half made."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

from recognition.management.service_command import Failed
from recognition.models import Decision, Embedding, Identity, Photo, StoredFile
from tests.api.pictures import UNUSABLE, USABLE
from tests.fakes import person_jpeg, wall_jpeg

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fake_model_in_use")]


def imported(folder):
    out = StringIO()
    call_command("import_people", str(folder), "--json", stdout=out)
    return json.loads(out.getvalue())


def test_unusable_files_are_each_rejected_with_their_reason(tmp_path):
    home = tmp_path / "Ann"
    home.mkdir()
    for number, (data, _, _) in enumerate(UNUSABLE.values()):
        (home / f"{number:02}.jpg").write_bytes(data)
    report = imported(tmp_path)
    assert [row["reason"] for row in report["rejected"]] == [code for _, _, code in UNUSABLE.values()]
    assert all(len(row["message"]) > 20 for row in report["rejected"])
    for model in (Identity, Photo, Embedding, StoredFile):
        assert not model.objects.exists()


def test_usable_kinds_are_kept_whatever_their_names_say(tmp_path):
    home = tmp_path / "Ann"
    home.mkdir()
    for number, data in enumerate(USABLE.values()):
        (home / f"{number:02}.jpg").write_bytes(data)
    report = imported(tmp_path)
    assert set(report["reasons"]) <= {"no_face"}  # grey pictures: the stand-in for the detector sees colours
    assert report["enrolled"] >= 3
    assert Photo.objects.count() == len(USABLE)


def test_ten_photos_of_a_wall(tmp_path):
    home = tmp_path / "Wall"
    home.mkdir()
    for number in range(10):
        (home / f"{number}.jpg").write_bytes(wall_jpeg(number))
    report = imported(tmp_path)
    assert (report["enrolled"], report["reasons"]) == (0, {"no_face": 10})
    assert report["without_vector"] == ["Wall"]
    assert not Embedding.objects.exists()


@pytest.mark.parametrize("name", UNUSABLE)
@pytest.mark.parametrize("command", ["identify", "verify"])
def test_a_probe_that_is_unusable(command, name, tmp_path):
    data, _, code = UNUSABLE[name]
    (tmp_path / "bad.jpg").write_bytes(data)
    (tmp_path / "good.jpg").write_bytes(person_jpeg(1))
    pictures = ["good.jpg", "bad.jpg"] if command == "verify" else ["bad.jpg"]
    with pytest.raises(Failed) as caught:
        call_command(command, *(str(tmp_path / picture) for picture in pictures))
    assert caught.value.code == code
    assert not Decision.objects.exists()
