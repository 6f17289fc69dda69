"""Who is meant by names of files that a browser has."""

from __future__ import annotations

import pytest
from django.utils import timezone

from recognition.models import Identity
from recognition.services import identities
from recognition.services.enrolment import begin_person, known_people, photos, plan_of_names
from recognition.services.enrolment.import_names import MOST_NAMES
from recognition.services.enrolment.preparing import digest_of
from recognition.services.errors import Invalid
from tests.fakes import person_jpeg

TABLE = "person_id,name,path\nP1,Ann,photos/1.jpg\nP1,Ann,photos/2.jpg\nP2,Ben,\n"


def read(*names: str, table: str | None = None, **how: object) -> tuple[list[tuple[str, list[str]]], object]:
    plan = plan_of_names(names, None if table is None else table.encode(), **how)
    return [(one.name, [str(path) for path in one.paths]) for one in plan.people], plan


@pytest.mark.parametrize("around", ["", "people/", "a/b/"])
def test_a_folder_for_each_person(around):
    names = [f"{around}ann/1.jpg", f"{around}ben_c/2.JPG", f"{around}ann/0.png", f"{around}.x/1.jpg"]
    people, plan = read(*names, f"__MACOSX/{around}ann/._1.jpg")
    assert people == [
        ("ann", [f"{around}ann/0.png", f"{around}ann/1.jpg"]),
        ("ben c", [f"{around}ben_c/2.JPG"]),
    ]
    assert plan.unused == []


def test_photos_of_nobody_are_named():
    _, plan = read("all/ann/1.jpg", "all/top.jpg", "all/ann/deeper/2.jpg")
    assert plan.unused == ["all/ann/deeper/2.jpg", "all/top.jpg"]


@pytest.mark.parametrize("beside", ["", "all"])
def test_a_table_gives_names_and_says_what_is_missing(beside):
    there = "photos/1.jpg" if not beside else "all/photos/1.jpg"
    understood: list[str] = []
    people, plan = read(there, "other.jpg", table=TABLE, beside=beside, tell=understood.append)
    assert people == [("Ann", [there]), ("Ben", [])]
    assert (plan.missing, plan.unused) == (["photos/2.jpg"], ["other.jpg"])
    assert understood[0].startswith("people.csv: 3 rows")


def test_accents_and_folders_may_be_written_in_several_ways():
    table = "person_id,name,path\nP1,Ann,.\\photos\\Nguye\u0302\u0303n.jpg\n"
    assert read("photos/Nguy\u1ec5n.jpg", table=table)[0] == [("Ann", ["photos/Nguy\u1ec5n.jpg"])]


def test_a_table_reads_no_file_of_the_site():
    people, plan = read("a.jpg", table="person_id,name,path\nP1,Ann,/etc/passwd\nP2,Ben,../../a.jpg\n")
    assert people == [("Ann", []), ("Ben", [])]
    assert len(plan.missing) == 2


@pytest.mark.parametrize(
    ("names", "table", "code"),
    [
        ([], None, "nobody"),
        (["top.jpg"], None, "nobody"),
        (["a/1.jpg"] * (MOST_NAMES + 1), None, "too_many"),
        (["a/" + "x" * 2000 + ".jpg"], None, "bad_name"),
        (["a/\0.jpg"], None, "bad_name"),
        (["a/1.jpg"], "name\nAnn\n", "wrong_columns"),
    ],
)
def test_what_cannot_be_understood(names, table, code):
    with pytest.raises(Invalid) as caught:
        read(*names, table=table)
    assert caught.value.code == code
    assert "/tmp" not in str(caught.value)


@pytest.mark.django_db
class TestPerson:
    def test_it_is_made_once_and_says_which_files_are_there(self):
        ann, digests = begin_person(external_id="P1", name="Ann")
        assert digests == set()
        photos.add_photo(identity=ann, data=person_jpeg(3))
        again, digests = begin_person(external_id="P1", name="Another name")
        assert (again, again.name, digests) == (ann, "Ann", {digest_of(person_jpeg(3))})
        assert known_people(["P1", "P2"]) == {"P1"}

    def test_consent_is_recorded_with_who_says_so(self):
        ann, _ = begin_person(external_id="P1", name="Ann", agreed_at=timezone.now(), by="clerk")
        assert identities.consent_of(ann).taken_by == "clerk"

    @pytest.mark.parametrize(
        ("external_id", "name"), [("a/b", "Ann"), ("P1", "A\0nn"), ("P1", ""), ("..", "Ann")]
    )
    def test_what_cannot_be_a_person(self, external_id, name):
        with pytest.raises(Invalid):
            begin_person(external_id=external_id, name=name)
        assert not Identity.objects.exists()
