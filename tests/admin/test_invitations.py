"""Staff invite somebody to enrol by themselves."""

from __future__ import annotations

import pytest
from django.core import mail

from accounts.models import User
from recognition.models import AuditEntry, Identity, Invitation
from recognition.services import enrolment, identities
from tests.admin.conftest import person_page, said

RIGHTS = ("view_identity", "change_identity", "add_photo")


@pytest.fixture
def bob(db: None) -> Identity:
    return identities.create_identity(name="Bob")


def page_of(identity: Identity) -> str:
    return f"/admin/recognition/identity/{identity.pk}/invite/"


def test_a_link_with_a_code_to_scan_shown_once(staff, client, bob):
    clerk = staff(*RIGHTS)
    page = clerk.post(page_of(bob))
    link = page.context["link"]
    assert "no-store" in page["Cache-Control"]
    assert 'class="id-qr"' in page.text
    assert "May this site know your face, Bob?" in client.get(link).text
    assert link.split("/")[-2] not in clerk.get(page_of(bob)).text
    assert AuditEntry.objects.filter(action="invitation.added", person=bob.pk).exists()


def test_revoked(staff, client, bob):
    clerk = staff(*RIGHTS)
    link = clerk.post(page_of(bob)).context["link"]
    answer = clerk.post(page_of(bob), {"revoke": Invitation.objects.get().pk}, follow=True)
    assert said(answer) == ["The link does not count any more."]
    assert client.get(link).status_code == 404


def test_that_of_another_person_is_not_revoked_here(staff, bob):
    invitation, _ = enrolment.invite(identities.create_identity(name="Ann"))
    answer = staff(*RIGHTS).post(page_of(bob), {"revoke": invitation.pk})
    assert answer.status_code == 404
    invitation.refresh_from_db()
    assert invitation.is_open


def test_by_mail_where_there_is_an_address(staff, client, bob):
    identities.update_identity(bob, user_id=User.objects.create_user("bob", "bob@example.org").pk)
    page = staff(*RIGHTS).post(page_of(bob), {"mail": "yes"})
    (sent,) = mail.outbox
    assert sent.to == ["bob@example.org"]
    assert page.context["link"] in sent.body
    assert Invitation.objects.get().mailed


def test_a_suspended_person(staff, bob):
    identities.suspend(bob)
    clerk = staff(*RIGHTS)
    assert "no link can be made" in clerk.get(page_of(bob)).text
    clerk.post(page_of(bob))
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("lacking", RIGHTS)
def test_who_may_not(staff, bob, lacking):
    clerk = staff(*(right for right in RIGHTS if right != lacking))
    assert clerk.get(page_of(bob)).status_code == 403
    assert clerk.post(page_of(bob)).status_code == 403
    assert not Invitation.objects.exists()


def test_staff_see_that_somebody_declined(staff, bob):
    invitation, _ = enrolment.invite(bob)
    clerk = staff(*RIGHTS)
    assert "Bob is invited to enrol" in clerk.get(person_page(bob)).text
    enrolment.decline(invitation)
    assert "Bob declined the invitation" in clerk.get(person_page(bob)).text
    assert "declined" in clerk.get(page_of(bob)).text
