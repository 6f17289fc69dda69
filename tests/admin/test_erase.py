"""Erasing people: what the question says, and that everything follows."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from recognition.models import Decision, Embedding, GalleryChange, Identity, Photo, StoredFile
from recognition.services.recognition import recognise
from tests.admin.conftest import person, said
from tests.fakes import person_jpeg

LIST = "/admin/recognition/identity/"


@pytest.fixture
def ben(ann) -> Identity:
    return person("Ben", 5, variants=(0, 1))


def erase(client, way: str, *identities: Identity):
    if way == "one":
        return client.post(f"{LIST}{identities[0].pk}/delete/", {"post": "yes"}, follow=True)
    chosen = {"action": "delete_selected", "_selected_action": [i.pk for i in identities], "post": "yes"}
    return client.post(LIST, chosen, follow=True)


def test_the_question_says_what_goes(owner, ann, ben):
    recognise.identify(person_jpeg(5, variant=3))
    page = owner.get(f"{LIST}{ben.pk}/delete/").text
    for line in (
        "2 photos and their crops",
        "2 face vectors",
        "1 decision that will no longer name them",
        "cannot be undone",
    ):
        assert line in page
    assert Identity.objects.count() == 2


def test_the_question_about_many(owner, ann, ben):
    chosen = {"action": "delete_selected", "_selected_action": [ann.pk, ben.pk]}
    page = owner.post(LIST, chosen).text
    assert "Photos and their crops: 3" in page
    assert Identity.objects.count() == 2


@pytest.mark.parametrize("way", ["one", "many"])
def test_everything_follows(owner, ann, ben, way):
    recognise.identify(person_jpeg(5, variant=3))
    changes = GalleryChange.objects.count()
    erase(owner, way, ben)
    assert list(Identity.objects.all()) == [ann]
    assert Photo.objects.count() == Embedding.objects.count() == 1
    assert StoredFile.objects.count() == 2
    decision = Decision.objects.get()
    assert decision.identity is None
    assert [c["identity"] for c in decision.candidates] == [ann.pk]
    assert GalleryChange.objects.count() > changes
    assert recognise.identify(person_jpeg(5, variant=4)).faces[0].decision == "no_match"


def test_many_at_once(owner, ann, ben):
    erase(owner, "many", ann, ben)
    assert not Identity.objects.exists()
    assert not StoredFile.objects.exists()


@pytest.mark.parametrize("way", ["one", "many"])
def test_the_log_of_the_admin_forgets_the_name(owner, ann, ben, way):
    owner.post(f"{LIST}{ben.pk}/suspend/")
    assert LogEntry.objects.filter(object_repr__contains="Ben").exists()
    erase(owner, way, ben)
    assert not LogEntry.objects.filter(object_repr__contains="Ben").exists()
    entries = LogEntry.objects.filter(object_id=str(ben.pk))
    assert {entry.action_flag for entry in entries} == {2, 3}  # what was done by whom stays


def test_an_account_stays(owner, enrol):
    identity = enrol(6)
    user = identity.user
    said(erase(owner, "one", identity))
    user.refresh_from_db()
    assert not Identity.objects.exists()


def test_erase_of_one_who_is_gone(owner, ann):
    erase(owner, "one", ann)
    assert owner.post(f"{LIST}{ann.pk}/delete/", {"post": "yes"}).status_code == 302
