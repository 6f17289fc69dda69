"""Consent: recorded with its text, demanded where the site says so, withdrawn at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from recognition.models import Consent, ConsentText, Identity, Photo
from recognition.services import recognition
from recognition.services.enrolment import photos
from recognition.services.errors import Conflict, Invalid, NotFound
from recognition.services.identities import consents, erasure, merging, people
from tests.fakes import person_jpeg

pytestmark = pytest.mark.django_db
STAFF = {"way": Consent.Way.STAFF, "by": "clerk"}


@pytest.fixture
def ann() -> Identity:
    return people.create_identity(name="Ann", external_id="A-1")


def who_is(number: int) -> str:
    (face,) = recognition.identify(person_jpeg(number, variant=5)).faces
    return face.candidates[0].identity.name if face.decision == "match" else face.decision


def test_says_which_text_when_and_who_took_it(ann):
    before = timezone.now()
    given = consents.give_consent(ann, **STAFF, note=" form 17 ")
    assert (given.text.version, given.way, given.taken_by, given.note) == (1, "staff", "clerk", "form 17")
    assert before <= given.given_at <= timezone.now()
    assert consents.consent_of(ann) == given


def test_given_twice_it_is_there_once(ann):
    first = consents.give_consent(ann, **STAFF)
    assert consents.give_consent(ann, way=Consent.Way.SELF) == first


def test_a_new_text_leaves_what_was_agreed_to_alone(ann):
    given = consents.give_consent(ann, **STAFF)
    text = consents.publish_consent_text("Another text.\r\n")
    assert (text.version, text.text, consents.consent_text()) == (2, "Another text.", text)
    assert consents.consent_of(ann) == given
    assert given.text.text == consents.FIRST_TEXT
    assert consents.give_consent(ann, **STAFF).text == text
    assert ann.consents.count() == 2


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 20_001, "nothing\x00here"])
def test_a_text_that_cannot_be_one(text):
    with pytest.raises(Invalid):
        consents.publish_consent_text(text)
    assert not ConsentText.objects.exclude(version=1).exists()


def test_the_same_text_again_is_no_new_version():
    with pytest.raises(Conflict):
        consents.publish_consent_text(consents.FIRST_TEXT)


@pytest.mark.parametrize("version", [0, -1, 2, 2**40])
def test_nobody_can_agree_to_a_version_that_never_was(ann, version):
    with pytest.raises(NotFound):
        consents.give_consent(ann, **STAFF, version=version)


def test_nobody_has_agreed_at_a_time_to_come(ann):
    with pytest.raises(Invalid):
        consents.give_consent(ann, **STAFF, given_at=timezone.now() + timedelta(minutes=5))


def test_by_default_it_is_not_demanded(ann):
    assert photos.add_photo(identity=ann, data=person_jpeg(3)).pk


def test_where_it_is_demanded_no_photo_is_kept_without(ann, settings):
    settings.CONSENT_REQUIRED = True
    with pytest.raises(Conflict) as refused:
        photos.add_photo(identity=ann, data=person_jpeg(3))
    assert refused.value.code == "consent_missing"
    assert not Photo.objects.exists()
    consents.give_consent(ann, **STAFF)
    assert photos.add_photo(identity=ann, data=person_jpeg(3)).pk


def test_withdrawn_nobody_is_recognised_any_more(ann):
    photos.process_photos([photos.add_photo(identity=ann, data=person_jpeg(3)).pk])
    given = consents.give_consent(ann, **STAFF)
    assert who_is(3) == "Ann"
    consents.withdraw_consent(ann, by="Ann")
    assert who_is(3) == "no_match"
    given.refresh_from_db()
    assert (given.withdrawn_by, given.withdrawn_at) == ("Ann", Identity.objects.get().withdrawn_at)
    assert consents.consent_of(ann) is None


def test_withdrawn_nothing_more_is_taken_in_and_nobody_resumes(ann):
    withdrawn = consents.withdraw_consent(ann)  # stale on purpose: `ann` does not know
    for wish in (
        lambda: photos.add_photo(identity=ann, data=person_jpeg(3)),
        lambda: people.resume(ann),
        lambda: merging.merge(into=people.create_identity(name="Bo"), other=ann),
        lambda: merging.merge(into=ann, other=people.create_identity(name="Cy")),
    ):
        with pytest.raises(Conflict) as refused:
            wish()
        assert refused.value.code == "consent_withdrawn"
    assert withdrawn.status == Identity.Status.SUSPENDED


def test_agreed_again_staff_may_resume(ann):
    consents.withdraw_consent(ann)
    consents.give_consent(ann, **STAFF)
    ann.refresh_from_db()
    assert (ann.withdrawn_at, ann.status) == (None, Identity.Status.SUSPENDED)
    assert people.resume(ann).status == Identity.Status.ACTIVE


def test_withdrawing_again_starts_no_new_time(ann):
    first = consents.withdraw_consent(ann).withdrawn_at
    assert consents.withdraw_consent(ann).withdrawn_at == first


def test_erased_when_the_time_is_over_and_not_before(ann, settings):
    settings.ERASE_WITHDRAWN_DAYS = 30
    bo = people.create_identity(name="Bo")
    for person, days in ((ann, 30), (bo, 29)):
        consents.withdraw_consent(person)
        Identity.objects.filter(pk=person.pk).update(withdrawn_at=timezone.now() - timedelta(days=days))
    people.create_identity(name="Cy")
    assert consents.erase_withdrawn() == 1
    assert list(Identity.objects.values_list("name", flat=True)) == ["Bo", "Cy"]
    bo.refresh_from_db()
    assert consents.erase_on(bo) == bo.withdrawn_at + timedelta(days=30)


def test_consents_go_with_whom_a_person_is_merged_into(ann):
    given = consents.give_consent(ann, **STAFF)
    bo = people.create_identity(name="Bo")
    merging.merge(into=bo, other=ann)
    assert consents.consent_of(bo) == given


def test_the_link_is_of_one_person_and_does_not_last(ann, monkeypatch):
    token = consents.consent_token(ann)
    assert consents.identity_of_token(token) == ann
    for wrong in ("", "x", f"{token}x", token[:-1]):
        with pytest.raises(NotFound):
            consents.identity_of_token(wrong)
    monkeypatch.setattr(consents, "LINK_DAYS", 0)
    with pytest.raises(NotFound):
        consents.identity_of_token(token)
    monkeypatch.undo()
    erasure.erase(ann)
    with pytest.raises(NotFound):
        consents.identity_of_token(token)
