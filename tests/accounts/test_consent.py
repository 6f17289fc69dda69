"""People read the consent text, agree and withdraw: with their account or by a link."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from recognition.models import Consent, Identity
from recognition.services.identities import consents, people
from tests.accounts.conftest import Enrol

GIVE = {"do": "give", "version": "1", "agreed": "yes"}


@pytest.fixture
def ann(db: None) -> Identity:
    return people.create_identity(name="Ann <Example>")


@pytest.fixture
def link(ann: Identity) -> str:
    return reverse("accounts:consent-link", args=[consents.consent_token(ann)])


def text_of(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined]


def test_the_link_shows_the_text_to_somebody_without_an_account(client: Client, link: str) -> None:
    page = client.get(link)
    assert "I agree that photos of my face are kept here" in text_of(page)
    assert "Ann &lt;Example&gt;" in text_of(page)
    assert "no-store" in page["Cache-Control"]


def test_agrees_and_withdraws(client: Client, link: str, ann: Identity) -> None:
    done = client.post(link, GIVE, follow=True)
    assert "Your consent is on record" in text_of(done)
    given = Consent.objects.get()
    assert (given.identity, given.way, given.taken_by) == (ann, "self", "the person")
    asked = client.get(link, {"withdraw": 1})
    assert "erased after 30 days" in text_of(asked)
    assert Consent.objects.get().withdrawn_at is None
    client.post(link, {"do": "withdraw"})
    ann.refresh_from_db()
    assert ann.withdrawn_at
    assert ann.status == Identity.Status.SUSPENDED
    assert "everything that is kept about you is erased" in text_of(client.get(link))


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"do": "give", "version": "1"}, "Tick that you have read"),
        ({"do": "give", "agreed": "yes"}, "The text was changed"),
        ({"do": "give", "agreed": "yes", "version": "7"}, "The text was changed"),
        ({}, "Choose what to do"),
    ],
)
def test_nothing_is_recorded_by_accident(client: Client, link: str, sent: dict[str, str], said: str) -> None:
    response = client.post(link, sent)
    assert response.status_code == 400
    assert said in text_of(response)
    assert not Consent.objects.exists()


@pytest.mark.django_db
def test_a_link_that_does_not_count(client: Client) -> None:
    for do in (client.get, client.post):
        response = do(reverse("accounts:consent-link", args=["x"]))
        assert response.status_code == 404
        assert "Ask whoever gave it to you" in text_of(response)


def test_a_link_needs_its_forms_own_token(link: str) -> None:
    assert Client(enforce_csrf_checks=True).post(link, GIVE).status_code == 403


def test_with_the_account_one_has_only_ones_own(client: Client, enrol: Enrol) -> None:
    mine, other = enrol(1), enrol(2)
    page = reverse("accounts:consent")
    assert client.get(page).status_code == 302
    client.force_login(mine.user)
    client.post(page, GIVE)
    assert [consent.identity for consent in Consent.objects.all()] == [mine]
    assert "you agreed that your photos are kept" in text_of(client.get(reverse("accounts:profile")))
    client.post(page, {"do": "withdraw"})
    other.refresh_from_db()
    assert other.status == Identity.Status.ACTIVE
    assert "you are not recognised" in text_of(client.get(reverse("accounts:profile")))


@pytest.mark.django_db
def test_an_account_without_a_person(client: Client, django_user_model: type) -> None:
    client.force_login(django_user_model.objects.create_user("x"))
    assert client.get(reverse("accounts:consent")).status_code == 404
