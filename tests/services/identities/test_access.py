"""The copy of everything about a person: whole, readable, and without what is others'."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import numpy as np
import pytest
from django.contrib.admin.models import CHANGE, LogEntry

from accounts.models import User
from recognition.models import Decision, StoredFile
from recognition.services.enrolment import photos
from recognition.services.identities import consents, corrections, people
from recognition.services.identities.access import write_access_copy
from recognition.services.recognition import recognise
from tests.fakes import person_jpeg

pytestmark = pytest.mark.django_db


def copy_of(identity) -> zipfile.ZipFile:
    file = io.BytesIO()
    write_access_copy(identity, file)
    return zipfile.ZipFile(file)


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def test_everything_is_in_it(enrol, settings):
    settings.KEEP_PROBES_DAYS = 7
    ann = enrol(1)
    consents.give_consent(ann, way="staff", by="clerk", note="form 17")
    consents.withdraw_consent(ann)
    consents.give_consent(ann, way="self")
    people.resume(ann)
    recognise.identify(person_jpeg(1, variant=5))
    clerk = User.objects.create_user("clerk")
    LogEntry.objects.log_actions(clerk.pk, [ann], CHANGE, change_message="Suspended.", single_object=True)
    archive = copy_of(ann)
    assert archive.testzip() is None
    readme = archive.read("README.txt").decode()
    for name in archive.namelist():
        assert name == "README.txt" or f"{name.split('/')[0]}{'/' if '/' in name else ''} " in readme, name
    person = json.loads(archive.read("person.json"))
    assert (person["name"], person["external_id"], person["account"]["user_name"]) == (
        "Fake Person 1",
        "F1",
        "user1",
    )
    given = json.loads(archive.read("consents.json"))
    assert [(one["proof"], bool(one["withdrawn_at"])) for one in given] == [("form 17", True), ("", False)]
    assert given[0]["text"] == consents.FIRST_TEXT
    for photo in ann.photos.all():
        assert archive.read(f"photos/{photo.pk}.jpg") == photo.image.open().read()
        assert archive.read(f"crops/{photo.pk}.jpg") == photo.crop.open().read()
    kept = {entry["photo"]: entry for entry in json.loads(archive.read("vectors.json"))}
    for vector in ann.embeddings.all():
        assert np.allclose(kept[vector.photo_id]["numbers"], vector.vector, atol=1e-6)
    (decision,) = rows(archive, "decisions.csv")
    assert (decision["outcome"], decision["role"]) == ("match", "the person")
    assert [name for name in archive.namelist() if name.startswith("pictures/")] != []
    assert [row["what"] for row in rows(archive, "changes.csv")] == ["Suspended."]
    assert "clerk" not in archive.read("changes.csv").decode()


def test_what_is_others_is_left_out(enrol, settings):
    settings.KEEP_PROBES_DAYS = 7
    ann, bo = enrol(1), enrol(2)
    recognise.identify(person_jpeg(1, 2, variant=5))
    recognise.identify(person_jpeg(2, variant=5))
    archive = copy_of(ann)
    text = b"".join(archive.read(name) for name in archive.namelist())
    for secret in (bo.name, bo.external_id, bo.user.username):
        assert secret.encode() not in text
    assert not [name for name in archive.namelist() if name.startswith("pictures/")]
    found = rows(archive, "decisions.csv")
    assert [row["role"] for row in found if row["account"]] == []
    assert {row["role"] for row in found} == {"the person", "compared with the person"}


def test_of_several_faces_only_ones_own_is_described():
    ann = people.create_identity(name="Ann")
    photo = photos.add_photo(identity=ann, data=person_jpeg(1, 2))
    photos.process_photos([photo.pk])
    photos.choose_face(photo=photo, face=1)
    photos.process_photos([photo.pk])
    photo.refresh_from_db()
    (described,) = json.loads(copy_of(ann).read("photos.json"))
    assert described["face"] == photo.faces[1]


def test_of_somebody_of_whom_there_is_nothing_and_of_lost_files(enrol):
    bare = people.create_identity(name='Zoë, "the Owl"')
    assert json.loads(copy_of(bare).read("person.json"))["account"] is None
    ann = enrol(1, photo_count=1)
    StoredFile.objects.all().delete()
    assert not [name for name in copy_of(ann).namelist() if name.endswith(".jpg")]


def test_what_staff_corrected_is_told_without_names_of_others(enrol):
    ann, ben = enrol(1), enrol(2)
    recognise.identify(person_jpeg(1, variant=4))
    corrections.correct(Decision.objects.get(), to=ben)
    for person, other, said in ((ann, ben, "it was not the person"), (ben, ann, "it was the person")):
        archive = copy_of(person)
        assert [row["corrected"] for row in rows(archive, "decisions.csv")] == [said]
        assert other.name not in archive.read("decisions.csv").decode()
