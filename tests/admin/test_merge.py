"""Merging a person into another one."""

from __future__ import annotations

import pytest

from accounts.models import User
from recognition.models import Decision, Identity
from recognition.services.identities import people
from recognition.services.recognition import recognise
from tests.admin.conftest import person, person_page, said
from tests.fakes import person_jpeg


@pytest.fixture
def twin(ann) -> Identity:
    return person("Anna", 3, variants=(1, 2))


def merge_url(identity, into=None) -> str:
    return f"/admin/recognition/identity/{identity.pk}/merge/" + (f"?into={into.pk}" if into else "")


def found(response) -> list[str]:
    return [identity.name for identity in response.context["found"]]


def test_the_most_similar_are_proposed_first(owner, ann, twin):
    person("Ben", 5)
    assert found(owner.get(merge_url(ann))) == ["Anna", "Ben"]


def test_search_never_offers_the_person_itself(owner, ann, twin):
    assert found(owner.get(merge_url(ann) + "?q=ann")) == ["Anna"]
    assert found(owner.get(merge_url(ann) + "?q=ID-Anna")) == ["Anna"]
    assert found(owner.get(merge_url(ann) + "?q=%00")) == ["Anna"]
    assert "Nobody else has" in owner.get(merge_url(ann) + "?q=zzz").text


def test_more_than_fit_are_told(owner, ann):
    for number in range(14):
        people.create_identity(name=f"Extra {number}")
    page = owner.get(merge_url(ann) + "?q=extra")
    assert len(found(page)) == 12
    assert "There are more." in page.text


def test_it_asks_before_it_merges(owner, ann, twin):
    page = owner.get(merge_url(twin, ann))
    assert "is removed" in page.text
    assert Identity.objects.count() == 2


def test_merge(owner, ann, twin):
    recognise.identify(person_jpeg(3, variant=2))
    response = owner.post(merge_url(twin, ann), follow=True)
    assert response.redirect_chain[-1][0] == person_page(ann)
    assert list(Identity.objects.all()) == [ann]
    assert ann.photos.count() == ann.embeddings.count() == 3
    assert recognise.identify(person_jpeg(3, variant=3)).faces[0].identity == ann
    assert not Decision.objects.filter(candidates__contains=[{"identity": twin.pk}]).exists()


def test_two_accounts_are_refused_with_the_reason(owner, ann, twin):
    for identity in (ann, twin):
        people.update_identity(identity, user_id=User.objects.create_user(identity.name).pk)
    response = owner.post(merge_url(twin, ann), follow=True)
    assert said(response) == ["Both people have an account. Unlink one of them first."]
    assert Identity.objects.count() == 2


@pytest.mark.parametrize("into", ["x", "%00", "0", "987654"])
def test_into_nobody(owner, ann, into):
    assert owner.post(f"{merge_url(ann)}?into={into}").status_code == 404


def test_into_itself(owner, ann):
    assert owner.post(merge_url(ann, ann)).status_code == 404


def test_without_a_partner_a_post_changes_nothing(owner, ann, twin):
    assert owner.post(merge_url(ann)).status_code == 200
    assert Identity.objects.count() == 2
