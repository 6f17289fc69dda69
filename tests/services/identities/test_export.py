"""Exporting people and importing them again."""

from __future__ import annotations

import csv
from datetime import datetime

import pytest
from django.utils import timezone

from recognition.models import Identity
from recognition.services.enrolment.import_plan import read_plan
from recognition.services.enrolment.importing import import_people
from recognition.services.errors import Invalid
from recognition.services.identities import consents, erasure, people
from recognition.services.identities.export import export_people

pytestmark = pytest.mark.django_db


def rows(folder) -> list[dict[str, str]]:
    with (folder / "data.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_round_trip(enrol, tmp_path):
    enrol(1), enrol(2, photo_count=3)
    zoe = people.create_identity(name='Zoë, "the Owl"', external_id="Z 1")
    agreed = timezone.make_aware(datetime(2026, 5, 4))
    consents.give_consent(zoe, way="staff", given_at=agreed)
    assert export_people(tmp_path / "out") == (3, 5)
    first = rows(tmp_path / "out")
    assert len(first) == 6
    assert first[-1] == {"person_id": "Z 1", "name": 'Zoë, "the Owl"', "path": "", "consent": "2026-05-04"}
    assert {row["consent"] for row in first[:-1]} == {""}
    for identity in Identity.objects.all():
        erasure.erase(identity)
    report = import_people(read_plan(tmp_path / "out" / "data.csv"))
    assert (report.people, report.enrolled, report.rejected) == (3, 5, [])
    zoe = people.get_identity("Z 1")
    assert zoe.name == 'Zoë, "the Owl"'
    assert consents.consent_of(zoe).given_at == agreed
    export_people(tmp_path / "again")
    assert rows(tmp_path / "again") == first


def test_the_csv_alone(enrol, tmp_path):
    enrol(1)
    export_people(tmp_path / "out", with_photos=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["data.csv"]
    assert all(row["path"].startswith("photos/F1/") for row in rows(tmp_path / "out"))


def test_names_that_mean_something_to_the_file_system(tmp_path, enrol):
    identity = enrol(1)
    Identity.objects.update(external_id="..")  # of a time when such IDs were taken
    identity.photos.update(filename="..")
    export_people(tmp_path / "out")
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.jpg"))
    assert len(written) == 2
    assert all(path.startswith(f"out/photos/_{identity.pk}/") for path in written)


def test_an_export_is_not_overwritten(tmp_path):
    export_people(tmp_path)
    with pytest.raises(Invalid, match="already there"):
        export_people(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid, match="cannot be made"):
        export_people(tmp_path / "file" / "out")


def test_a_photo_that_cannot_be_read_leaves_no_table(enrol, tmp_path):
    identity = enrol(1)
    photo = identity.photos.first()
    photo.image.storage.delete(photo.image.name)
    with pytest.raises(Invalid, match="cannot be written"):
        export_people(tmp_path / "out")
    assert not (tmp_path / "out" / "data.csv").exists()
    assert not (tmp_path / "out" / "data.csv.part").exists()
