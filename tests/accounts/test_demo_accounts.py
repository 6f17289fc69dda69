"""Accounts for some of the demo people."""

from __future__ import annotations

from accounts.models import User
from accounts.services import ensure_demo_accounts
from recognition.models import Identity
from recognition.services.identities import people


def demo_person(external_id: str) -> Identity:
    return people.create_identity(name=f"Person {external_id[1:]}", external_id=external_id)


def test_each_demo_person_gets_an_ordinary_account_without_a_password(db):
    person = demo_person("P001")
    assert ensure_demo_accounts() == ["p001"]
    person.refresh_from_db()
    assert person.user.username == "p001"
    assert person.user.get_full_name() == "Person 001"
    assert not person.user.has_usable_password()
    assert not person.user.is_staff


def test_running_it_again_changes_nothing(db):
    demo_person("P001")
    ensure_demo_accounts()
    assert ensure_demo_accounts() == []
    assert User.objects.count() == 1


def test_without_demo_people_nothing_is_made(db):
    assert ensure_demo_accounts() == []
    assert not User.objects.exists()


def test_a_person_who_has_an_account_keeps_it(db):
    owner = User.objects.create_user("ada")
    person = people.update_identity(demo_person("P001"), user_id=owner.pk)
    assert ensure_demo_accounts() == []
    person.refresh_from_db()
    assert person.user == owner


def test_a_name_that_is_taken_is_left_alone(db):
    """Else the photos in the repository would open somebody's real account."""
    User.objects.create_user("P001")
    person = demo_person("P001")
    assert ensure_demo_accounts() == []
    person.refresh_from_db()
    assert person.user is None


def test_an_account_that_was_unlinked_is_not_linked_again(db):
    person = demo_person("P001")
    ensure_demo_accounts()
    people.update_identity(person, user_id=None)
    ensure_demo_accounts()
    person.refresh_from_db()
    assert person.user is None
