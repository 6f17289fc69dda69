"""Enrolling, changing, suspending, erasing and merging: what counts at once and what is left behind."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.apps import apps

from accounts.models import User
from recognition.models import Decision, Embedding, Identity, Photo, StoredFile
from recognition.services.enrolment import photos
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.gallery.live import live_gallery
from recognition.services.identities import erasure, merging, people
from recognition.services.recognition.recognise import identify
from tests.fakes import person_jpeg
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def recognised(number, variant=9):
    answer = identify(person_jpeg(number, variant=variant)).faces[0]
    return answer.identity.external_id if answer.identity else None


class TestCreating:
    def test_an_id_is_made_up(self):
        ann, ben = people.create_identity(name=" Ann "), people.create_identity(name="Ben", external_id="")
        assert ann.name == "Ann"
        assert len(ann.external_id) == len(ben.external_id) == 12
        assert ann.external_id != ben.external_id

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "   "}, "name"),
            ({"name": "x" * 201}, "name"),
            ({"name": "a\x00b"}, "name"),
            ({"name": "a\nb"}, "name"),
            ({"name": "broken \udc80"}, "name"),
            ({"name": "Ann", "external_id": "a/b"}, "external_id"),
            ({"name": "Ann", "external_id": "."}, "external_id"),
            ({"name": "Ann", "external_id": ".."}, "external_id"),
            ({"name": "Ann", "external_id": "a\\b"}, "external_id"),
            ({"name": "Ann", "external_id": "x" * 121}, "external_id"),
            ({"name": "Ann", "external_id": "broken \udc80"}, "external_id"),
            ({"name": "Ann", "user_id": 987654}, "user"),
        ],
    )
    def test_what_cannot_be_used_is_refused(self, values, field):
        with pytest.raises(Invalid) as caught:
            people.create_identity(**values)
        assert caught.value.code == "invalid_person"
        assert str(caught.value).startswith(f"{field}: ")
        assert not Identity.objects.exists()

    @pytest.mark.parametrize(
        "name", ["José Ångström", "山田　太郎", "O'Neil-Smith", "Jean\u00a0Paul", "👩‍🚀"]
    )
    def test_names_of_all_kinds(self, name):
        assert people.create_identity(name=name).name == name

    def test_a_taken_id_or_account(self):
        user = User.objects.create_user("ann")
        people.create_identity(name="Ann", external_id="A1", user_id=user.pk)
        for taken, code in (({"external_id": "A1"}, "id_taken"), ({"user_id": user.pk}, "account_taken")):
            with pytest.raises(Conflict) as caught:
                people.create_identity(name="Ben", **taken)
            assert caught.value.code == code

    @pytest.mark.django_db(transaction=True)
    def test_of_two_who_take_an_id_at_once_one_gets_it(self):
        def create():
            try:
                return people.create_identity(name="Ann", external_id="A1").external_id
            except Conflict as error:
                return error.code

        assert sorted(at_once(create, create)) == ["A1", "id_taken"]

    @pytest.mark.parametrize("external_id", ["nobody", "", "a\x00b", "\udc80", "x" * 5000])
    def test_an_unknown_id(self, external_id):
        with pytest.raises(NotFound):
            people.get_identity(external_id)


class TestChanging:
    def test_suspending_and_resuming_count_at_once(self, enrol):
        ann = enrol(1)
        assert recognised(1) == "F1"
        people.suspend(ann)
        assert recognised(1) is None
        people.resume(ann)
        assert recognised(1) == "F1"

    def test_a_new_name_changes_nothing_in_the_gallery(self, enrol):
        ann = enrol(1)
        live_gallery.current()
        before = live_gallery.current().change_number
        assert people.update_identity(ann, name=" Anna ").name == "Anna"
        assert live_gallery.current().change_number == before

    def test_refused_changes_change_nothing(self, enrol):
        ann = enrol(1)
        enrol(2)
        for changes, error in (
            ({"external_id": "F2"}, Conflict),
            ({"status": "asleep"}, Invalid),
            ({"name": ""}, Invalid),
            ({"colour": "red"}, TypeError),
        ):
            with pytest.raises(error):
                people.update_identity(ann, **changes)
        stored = Identity.objects.get(pk=ann.pk)
        assert (stored.external_id, stored.status, stored.name) == ("F1", "active", "Fake Person 1")

    def test_an_erased_person_cannot_be_changed(self, enrol):
        ann = enrol(1)
        erasure.erase(ann)
        with pytest.raises(NotFound):
            people.update_identity(ann, name="Anna")


def mentions(pk: int) -> list[str]:
    """Every table with a row that still points at the person or at one of its photos."""
    found = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Identity and model.objects.filter(**{field.name: pk}).exists()
    ]
    if Decision.objects.filter(candidates__contains=[{"identity": pk}]).exists():
        found.append("Decision.candidates")
    return found


class TestErasing:
    def test_nothing_is_left_in_any_table(self, enrol):
        ann, ben = enrol(1), enrol(2, account=False)
        assert recognised(1) == "F1"
        assert recognised(2) == "F2"
        assert len(mentions(ann.pk)) == 5  # keys, photos, embeddings, decisions, candidates
        erasure.erase(ann)
        assert mentions(ann.pk) == []
        assert recognised(1) is None
        assert recognised(2) == "F2"
        assert Photo.objects.count() == 2
        assert StoredFile.objects.count() == 4
        assert Embedding.objects.count() == 2
        assert [c["identity"] for c in Decision.objects.order_by("id").first().candidates] == [ben.pk]
        assert User.objects.filter(username="user1").exists()

    def test_twice_is_once(self, enrol):
        ann = enrol(1)
        erasure.erase(ann)
        before = live_gallery.current().change_number
        erasure.erase(ann)
        assert live_gallery.current().change_number == before

    @pytest.mark.django_db(transaction=True)
    def test_together_with_probes_of_the_same_person(self, enrol):
        """However the two fall together, no decision mentions the person afterwards."""
        for _ in range(5):
            ann = enrol(1, account=False)
            at_once(*[lambda: recognised(1)] * 2, lambda ann=ann: erasure.erase(ann))
            assert mentions(ann.pk) == []

    @pytest.mark.django_db(transaction=True)
    def test_together_with_everything_else_that_locks(self, enrol):
        """Erasing, processing, suspending and merging at once: somebody may be told no, nobody hangs."""
        for _ in range(3):
            ann, ben = enrol(1, account=False), enrol(2, account=False)
            waiting = photos.add_photo(identity=ann, data=person_jpeg(1, variant=5))

            def attempt(action):
                def run():
                    with suppress(NotFound):
                        action()

                return run

            at_once(
                attempt(lambda a=ann, b=ben: merging.merge(into=a, other=b)),
                attempt(lambda a=ann: people.suspend(a)),
                attempt(lambda w=waiting: photos.process_photos([w.pk])),
                attempt(lambda a=ann: erasure.erase(a)),
                attempt(lambda: recognised(2)),
            )
            for person in (ann, ben):
                erasure.erase(person)
                assert mentions(person.pk) == []
            assert not StoredFile.objects.exists()
