"""Links by which people enrol by themselves: what counts, for how long, and what waits for a look."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import pytest
from django.utils import timezone

from accounts.models import User
from recognition.models import Consent, Identity, Invitation, Photo
from recognition.services import enrolment, identities
from recognition.services.enrolment import photos
from recognition.services.errors import Conflict, NotFound
from tests.accounts.conftest import enrol, fresh_state  # noqa: F401
from tests.fakes import person_jpeg

pytestmark = pytest.mark.django_db(transaction=True)


class File(BytesIO):
    name = "camera.jpg"

    @property
    def size(self) -> int:
        return len(self.getvalue())


def uploads(*pictures: bytes) -> enrolment.Uploads:
    return enrolment.read_uploads([File(picture) for picture in pictures])


def agreed(identity: Identity) -> Invitation:
    invitation, text = enrolment.invite(identity)
    enrolment.agree(invitation, version=identities.consent_text().version, by="the person")
    return enrolment.invitation_of(text)


def handed_in(identity: Identity, *pictures: bytes) -> list[Photo]:
    """By a link, and looked at."""
    kept = enrolment.take_photos(agreed(identity), uploads(*pictures))
    photos.process_photos([photo.pk for photo in kept])
    return list(Photo.objects.filter(pk__in=[photo.pk for photo in kept]).order_by("pk"))


@pytest.fixture
def bob() -> Identity:
    return identities.create_identity(name="Bob")


def test_only_a_hash_of_the_link_is_kept(bob):
    invitation, text = enrolment.invite(bob)
    assert len(text) >= 43
    assert text not in str(Invitation.objects.values_list().get())
    assert enrolment.invitation_of(text) == invitation


def test_it_counts_for_seven_days(bob, monkeypatch):
    _, text = enrolment.invite(bob)
    Invitation.objects.update(expires_at=timezone.now() + timedelta(seconds=30))
    assert enrolment.invitation_of(text)
    Invitation.objects.update(expires_at=timezone.now())
    with pytest.raises(NotFound):
        enrolment.invitation_of(text)


def test_a_new_one_ends_the_one_before(bob):
    _, first = enrolment.invite(bob)
    _, second = enrolment.invite(bob)
    with pytest.raises(NotFound):
        enrolment.invitation_of(first)
    assert enrolment.invitation_of(second)


def revoked(bob, invitation):
    enrolment.revoke_invitation(invitation)


def declined(bob, invitation):
    enrolment.decline(invitation)


def suspended(bob, invitation):
    identities.suspend(bob)


def withdrawn(bob, invitation):
    identities.withdraw_consent(bob)


def erased(bob, invitation):
    identities.erase(bob)


def merged(bob, invitation):
    identities.merge(into=identities.create_identity(name="Robert"), other=bob)


def too_old(bob, invitation):
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def used(bob, invitation):
    enrolment.take_photos(invitation, uploads(person_jpeg(3)))


@pytest.mark.parametrize("end", [revoked, declined, suspended, withdrawn, erased, merged, too_old, used])
def test_what_ends_it_ends_it_for_whoever_has_the_page_open(bob, end):
    """The invitation was read before, as by a request that began a moment earlier."""
    invitation, text = enrolment.invite(bob)
    enrolment.agree(invitation, version=1, by="the person")
    invitation = enrolment.invitation_of(text)
    end(bob, invitation)
    before = Photo.objects.count()
    words = set()
    for wish in (
        lambda: enrolment.invitation_of(text),
        lambda: enrolment.agree(invitation, version=1, by="the person"),
        lambda: enrolment.decline(invitation),
    ):
        with pytest.raises(NotFound) as refused:
            wish()
        words.add(str(refused.value))
    assert len(words) == 1  # which of all it is is not told
    with pytest.raises((NotFound, Conflict)):
        enrolment.take_photos(invitation, uploads(person_jpeg(4)))
    assert Photo.objects.count() == before


def test_nothing_is_taken_without_consent_to_the_text_in_force(bob):
    invitation, text = enrolment.invite(bob)
    identities.give_consent(bob, way="staff")
    with pytest.raises(Conflict):  # staff recorded one, but nobody agreed here
        enrolment.take_photos(invitation, uploads(person_jpeg(3)))
    enrolment.agree(invitation, version=1, by="the person")
    identities.publish_consent_text("Another text.")
    with pytest.raises(Conflict):
        enrolment.take_photos(enrolment.invitation_of(text), uploads(person_jpeg(3)))
    assert not Photo.objects.exists()


def test_consent_is_recorded_as_given_by_themselves(bob):
    agreed(bob)
    consent = Consent.objects.get()
    assert (consent.identity, consent.way, consent.taken_by) == (bob, "self", "the person")
    identities.withdraw_consent(bob)
    consent.refresh_from_db()
    assert consent.withdrawn_at


def test_files_that_are_no_pictures_do_not_use_it_up(bob):
    invitation = agreed(bob)
    assert enrolment.take_photos(invitation, uploads(b"no picture")) == []
    assert len(enrolment.take_photos(invitation, uploads(person_jpeg(3), b"no picture"))) == 1
    with pytest.raises(NotFound):
        enrolment.take_photos(invitation, uploads(person_jpeg(3, variant=1)))


def test_a_person_who_is_revoked_stays_invited_by_nobody(bob):
    identities.suspend(bob)
    with pytest.raises(Conflict):
        enrolment.invite(bob)


class TestWhatWaitsForALook:
    def test_the_first_photos_of_anybody(self, bob):
        found = handed_in(bob, person_jpeg(3), person_jpeg(3, variant=1))
        assert [(p.state, p.reason) for p in found] == [("review", "nobody_looked_on")] * 2
        assert not bob.embeddings.exists()

    def test_those_of_somebody_without_an_account(self, enrol):  # noqa: F811
        (photo,) = handed_in(enrol(3, account=False), person_jpeg(3, variant=7))
        assert photo.reason == "nobody_looked_on"

    def test_not_a_face_that_is_confirmed_as_that_of_an_account(self, enrol):  # noqa: F811
        (photo,) = handed_in(enrol(3), person_jpeg(3, variant=7))
        assert (photo.state, photo.by_themselves) == ("ready", True)

    def test_an_account_without_photos(self, bob):
        identities.update_identity(bob, user_id=User.objects.create_user("bob").pk)
        (photo,) = handed_in(bob, person_jpeg(3))
        assert photo.reason == "nobody_looked_on"

    def test_another_face_for_an_account(self, enrol):  # noqa: F811
        """Whoever has the link shows their own face."""
        ann = enrol(3)
        vectors = ann.embeddings.count()
        (photo,) = handed_in(ann, person_jpeg(8))
        assert photo.state == "review"
        assert ann.embeddings.count() == vectors

    def test_a_face_that_would_be_somebody_else(self, enrol, bob):  # noqa: F811
        ann = enrol(3)
        (photo,) = handed_in(bob, person_jpeg(3, variant=7))
        assert (photo.reason, photo.resembles) == ("looks_like_another", ann)

    def test_it_counts_once_somebody_looked(self, bob):
        (photo,) = handed_in(bob, person_jpeg(3))
        enrolment.confirm_photo(photo)
        photos.process_photos([photo.pk])
        photo.refresh_from_db()
        assert photo.state == "ready"

    def test_a_bad_one_that_staff_accept_still_waits(self, bob):
        (photo,) = handed_in(bob, person_jpeg(3, blurred=True))
        assert (photo.state, photo.reason) == ("rejected", "too_blurred")
        enrolment.accept_photo(photo)
        photos.process_photos([photo.pk])
        photo.refresh_from_db()
        assert photo.reason == "nobody_looked_on"


def test_erasing_and_the_copy_reach_it(bob):
    import zipfile

    handed_in(bob, person_jpeg(3))
    with identities.open_access_copy(bob) as copy, zipfile.ZipFile(copy) as archive:
        assert len(archive.read("invitations.csv").decode().splitlines()) == 2
        assert b'"handed_in_by_a_link": true' in archive.read("photos.json")
    receipt = identities.erase(bob)
    assert receipt["person"]
    assert receipt["counts"]["invitations"] == 1
    assert not Invitation.objects.exists()
    assert identities.traces_of(receipt) == []
