"""Saying who it really was, on the pages of events, people and look-alikes."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts.models import User
from recognition.models import Attendance, Correction, Decision, Identity, Lookalikes, Photo, ProbePicture
from recognition.services import keys
from recognition.services.attendance import read
from recognition.services.identities import add_lookalikes, correct, create_identity, lookalikes_of
from recognition.services.recognition import Asker, recognise
from tests.admin.conftest import person
from tests.fakes import person_jpeg, wall_jpeg

LIST = "/admin/recognition/decision/"
PAIRS = "/admin/recognition/lookalikes/"


@pytest.fixture
def ben(db) -> Identity:
    return person("Ben", 5)


@pytest.fixture
def seen(ann, ben) -> Decision:
    """Ann, as a kiosk saw her."""
    door, _ = keys.add_kiosk(name="Door", place="Gate")
    read(person_jpeg(3, variant=6), asker=Asker(api_key=door), read=uuid4(), age=timedelta())
    return Decision.objects.get()


def page_of(decision: Decision) -> str:
    return reverse("admin:recognition_decision_correct", args=[decision.pk])


class TestThePage:
    def test_candidates_with_faces_and_a_button_each(self, owner, seen, ann, ben):
        assert 'href="' + page_of(seen) in owner.get(f"{LIST}{seen.pk}/change/").text
        text = owner.get(page_of(seen)).text
        assert "Decided then: <strong>recognised: Ann</strong>" in text
        assert f'value="{ben.pk}" class="id-button">It was Ben' in text
        assert "Nobody who is known" in text
        assert f"/photos/{ann.photos.first().pk}" in text

    def test_another_person_is_searched_for(self, owner, seen):
        other = person("Nguyễn An", 8)
        text = owner.get(page_of(seen) + "?q=nguyen").text
        assert f'value="{other.pk}"' in text
        assert "It was Ben" not in text
        assert "Nobody has" in owner.get(page_of(seen) + "?q=x%00yz").text

    def test_it_was_ben(self, owner, seen, ann, ben):
        answer = owner.post(page_of(seen), {"to": ben.pk}, follow=True)
        assert "It was Ben" in answer.text
        assert Correction.objects.get().by.username == "owner"
        assert Attendance.objects.get().identity == ben
        assert lookalikes_of(ann) == [ben]
        row = owner.get(LIST).text
        assert "Ann" in row
        assert "It was Ben" in row
        assert "corrected: it was Ben" in owner.get(f"/admin/recognition/identity/{ann.pk}/change/").text
        assert "corrected: first Ann" in owner.get(f"/admin/recognition/identity/{ben.pk}/change/").text
        assert "one was taken for the other" in owner.get(PAIRS).text

    def test_it_was_nobody_and_taken_back(self, owner, seen, ann):
        owner.post(page_of(seen), {"to": "nobody"})
        assert not Attendance.objects.exists()
        assert "It was somebody else" in owner.get(LIST).text
        assert "Take the correction back" in owner.get(page_of(seen)).text
        owner.post(page_of(seen), {"to": "back"})
        assert not Correction.objects.exists()
        assert Attendance.objects.get().identity == ann

    def test_who_was_decided_anyway(self, owner, seen, ann, ben):
        answer = owner.post(page_of(seen), {"to": ann.pk}, follow=True)
        assert "That is what was decided." in answer.text
        owner.post(page_of(seen), {"to": ben.pk})
        owner.post(page_of(seen), {"to": ann.pk})  # after all
        assert not Correction.objects.exists()

    def test_nobody_was_looked_for(self, owner, ann):
        recognise.identify(wall_jpeg())
        decision = Decision.objects.get()
        assert "Nobody was looked for" in owner.post(page_of(decision), {"to": ann.pk}, follow=True).text

    @pytest.mark.parametrize("to", ["", "0", "x", "999999999999999999999", "-1"])
    def test_whoever_is_not_there(self, owner, seen, to):
        assert owner.post(page_of(seen), {"to": to}).status_code == 404
        assert not Correction.objects.exists()


class TestThePicture:
    @pytest.fixture(autouse=True)
    def kept(self, settings):
        settings.KEEP_PROBES_DAYS = 3

    def test_becomes_a_photo_of_theirs(self, owner, seen, ben):
        assert 'name="photo"' in owner.get(page_of(seen)).text
        owner.post(page_of(seen), {"to": ben.pk, "photo": "1"})
        photo = Photo.objects.get(filename=f"event-{seen.pk}.jpg")
        assert (photo.identity, photo.state) == (ben, Photo.State.WAITING)

    def test_of_who_was_recognised_anyway(self, owner, seen, ann):
        owner.post(page_of(seen), {"to": ann.pk, "photo": "1"})
        assert Photo.objects.get(filename=f"event-{seen.pk}.jpg").identity == ann
        assert not Correction.objects.exists()

    def test_becomes_a_new_person(self, owner, ann):
        recognise.identify(person_jpeg(9, variant=2))
        stranger = Decision.objects.get()
        assert "Enrol with this picture" in owner.get(page_of(stranger)).text
        owner.post(page_of(stranger), {"to": "new", "name": " Cem ", "external_id": "C1"})
        cem = Identity.objects.get(external_id="C1")
        assert (cem.name, cem.photos.count()) == ("Cem", 1)
        assert Correction.objects.get().identity == cem
        assert not Lookalikes.objects.exists()

    @pytest.mark.parametrize("name", ["", "   ", "x" * 500])
    def test_nobody_is_made_of_a_bad_name(self, owner, seen, name):
        people = Identity.objects.count()
        assert owner.post(page_of(seen), {"to": "new", "name": name}, follow=True).status_code == 200
        assert Identity.objects.count() == people
        assert not Correction.objects.exists()
        assert Attendance.objects.count() == 1

    def test_nobody_is_made_without_consent_where_that_is_required(self, owner, seen, settings):
        settings.CONSENT_REQUIRED = True
        people = Identity.objects.count()
        owner.post(page_of(seen), {"to": "new", "name": "Cem"})
        assert Identity.objects.count() == people
        assert not Correction.objects.exists()

    def test_that_is_gone_meanwhile(self, owner, seen, ben, settings):
        ProbePicture.objects.all().delete()
        answer = owner.post(page_of(seen), {"to": ben.pk, "photo": "1"}, follow=True)
        assert "not kept" in answer.text


class TestRights:
    RIGHTS = ("view_decision", "view_identity", "add_correction")

    @pytest.fixture
    def staff(self, client, db):
        def staff(*rights: str):
            user = User.objects.create_user("staff", is_staff=True)
            user.user_permissions.set(Permission.objects.filter(codename__in=rights))
            client.force_login(user)
            return client

        return staff

    def test_with_the_right(self, staff, seen, ben):
        client = staff(*self.RIGHTS)
        text = client.get(page_of(seen)).text
        assert "It was Ben" in text
        assert "/photos/" not in text  # faces are a right of their own
        client.post(page_of(seen), {"to": ben.pk})
        assert Correction.objects.get().identity == ben

    @pytest.mark.parametrize("lacks", RIGHTS[1:])
    def test_without(self, staff, seen, ben, lacks):
        client = staff(*(right for right in self.RIGHTS if right != lacks))
        assert client.get(page_of(seen)).status_code == 403
        assert client.post(page_of(seen), {"to": ben.pk}).status_code == 403
        assert "Who was it?" not in client.get(f"{LIST}{seen.pk}/change/").text
        assert not Correction.objects.exists()

    def test_no_photo_and_nobody_new_without_those_rights(self, staff, settings, ann, ben):
        settings.KEEP_PROBES_DAYS = 3
        recognise.identify(person_jpeg(9, variant=2))
        decision = Decision.objects.get()
        client = staff(*self.RIGHTS)
        text = client.get(page_of(decision)).text
        assert 'name="photo"' not in text
        assert "Enrol with this picture" not in text
        assert client.post(page_of(decision), {"to": "new", "name": "Cem"}).status_code == 403
        client.post(page_of(decision), {"to": ben.pk, "photo": "1"})
        assert not Photo.objects.filter(filename__startswith="event-").exists()


class TestPairs:
    def test_added_in_any_order_and_removed(self, owner, ann, ben):
        for first, second in ((ben, ann), (ann, ben)):
            answer = owner.post(f"{PAIRS}add/", {"first": first.pk, "second": second.pk}, follow=True)
            assert answer.status_code == 200
        pair = Lookalikes.objects.get()
        assert (pair.first, pair.second, pair.by.username) == (ann, ben, "owner")
        assert "added by staff" in owner.get(PAIRS).text
        owner.post(f"{PAIRS}{pair.pk}/delete/", {"post": "yes"})
        assert not Lookalikes.objects.exists()

    def test_nobody_with_themselves(self, owner, ann):
        text = owner.post(f"{PAIRS}add/", {"first": ann.pk, "second": ann.pk}).text
        assert "Choose two different people." in text
        assert not Lookalikes.objects.exists()

    def test_whom_it_leaves_outside_is_told(self, owner):
        """The face alone signs neither of them in, and one has nothing else."""
        accounts = [User.objects.create_user(name) for name in ("ann", "ben", "cem")]
        accounts[0].set_password("a long enough secret")
        accounts[0].save()
        TOTP.activate(accounts[1], "ABCDEFGHIJKLMNOP")
        people = [create_identity(name=one.username.title(), user_id=one.pk) for one in accounts]
        add_lookalikes(people[0], people[1])
        assert "field-left_outside" in owner.get(PAIRS).text
        add_lookalikes(people[1], people[2])
        add_lookalikes(people[2], create_identity(name="Without an account"))
        cells = re.findall(r"field-left_outside[^>]*>\s*(?:<[^>]+>\s*)*([^<]*?)\s*<", owner.get(PAIRS).text)
        assert sorted(cells) == ["Cem", "Cem", "–"]

    def test_many_are_listed_in_few_queries(self, owner, ann, django_assert_max_num_queries):
        for number in range(12):
            user = User.objects.create_user(f"person{number}")
            add_lookalikes(ann, create_identity(name=f"Person {number}", user_id=user.pk))
        with django_assert_max_num_queries(13):
            owner.get(PAIRS)


def test_corrected_events_are_listed_in_few_queries(owner, ann, ben, django_assert_max_num_queries):
    for variant in range(8):
        recognise.identify(person_jpeg(3, variant=variant))
    for decision in Decision.objects.all():
        correct(decision, to=ben)
    with django_assert_max_num_queries(14):
        assert owner.get(LIST).text.count("It was Ben") == 8
