"""Consent that an import states: recorded once, demanded where the site says so, never against a withdrawal."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from recognition.models import Consent, Embedding, Identity, Photo
from recognition.services.enrolment.import_plan import read_plan
from recognition.services.enrolment.importing import import_people
from recognition.services.enrolment.npz_exchange import import_npz
from recognition.services.errors import Invalid
from recognition.services.identities import consents, people
from tests.fakes import person_jpeg
from tests.galleries import people_folder
from tests.services.enrolment.test_npz_exchange import original

pytestmark = pytest.mark.django_db


@pytest.fixture
def demanded(settings):
    settings.CONSENT_REQUIRED = True


def table(folder, *rows, header="person_id,name,path,consent"):
    for number in range(4):
        (folder / f"{number}.jpg").write_bytes(person_jpeg(number))
    path = folder / "data.csv"
    path.write_text("\n".join([header, *rows, ""]))
    return path


def test_the_column_says_who_agreed_and_since_when(tmp_path, demanded):
    path = table(tmp_path, "P0,Ann,0.jpg,yes", "P1,Bo,1.jpg,2026-05-04", "P2,Cy,2.jpg,no", "P3,Di,3.jpg,")
    report = import_people(read_plan(path))
    assert (report.people, report.enrolled) == (2, 2)
    assert {(row["external_id"], row["reason"]) for row in report.rejected} == {
        ("P2", "consent_missing"),
        ("P3", "consent_missing"),
    }
    given = {consent.identity.name: consent for consent in Consent.objects.select_related("identity")}
    assert {consent.way for consent in given.values()} == {"import"}
    assert given["Bo"].given_at == timezone.make_aware(datetime(2026, 5, 4))
    assert timezone.now() - given["Ann"].given_at < timedelta(minutes=1)
    assert import_people(read_plan(path)).skipped == 2
    assert Consent.objects.count() == 2


@pytest.mark.parametrize("said", ["perhaps", "04.05.2026", "2999-01-01", "2026-13-01"])
def test_a_consent_that_says_nothing_stops_the_import_before_it_begins(tmp_path, said):
    with pytest.raises(Invalid) as refused:
        read_plan(table(tmp_path, f"P0,Ann,0.jpg,{said}"))
    assert "line 2" in str(refused.value)


def test_for_everybody_unless_the_column_says_otherwise(tmp_path, demanded):
    now = timezone.now()
    people_folder(tmp_path / "people", 2, 1)
    assert import_people(read_plan(tmp_path / "people", agreed_at=now)).enrolled == 2
    path = table(tmp_path, "P0,Ann,0.jpg,no", "P1,Bo,1.jpg,yes")
    assert import_people(read_plan(path, agreed_at=now)).people == 1
    path = table(tmp_path, "P2,Cy,2.jpg", header="person_id,name,path")
    assert import_people(read_plan(path, agreed_at=now)).people == 1


def test_nobody_who_withdrew_is_brought_back_by_an_import(tmp_path):
    ann = people.create_identity(name="Ann", external_id="P0")
    consents.withdraw_consent(ann)
    report = import_people(read_plan(table(tmp_path, "P0,Ann,0.jpg,yes")))
    assert [row["reason"] for row in report.rejected] == ["consent_withdrawn"]
    assert Identity.objects.get().withdrawn_at
    assert not Photo.objects.exists()
    assert not Consent.objects.exists()


def test_vectors_of_the_original_project_too(tmp_path, demanded):
    path = original(tmp_path / "vn2db.npz", people_count=2)
    report = import_npz(path)
    assert {row["reason"] for row in report.rejected} == {"consent_missing"}
    assert not Embedding.objects.exists()
    assert not Identity.objects.exists()
    assert import_npz(path, agreed_at=timezone.now()).people == 2
    assert Consent.objects.count() == 2
    assert import_npz(path).rejected == []
