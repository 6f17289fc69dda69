"""Merging a person into another one."""

from __future__ import annotations

import pytest

from accounts.models import User
from recognition.models import Identity, Merge
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
    assert "becomes the other" in page.text
    assert Identity.objects.count() == 2


def test_merge(owner, ann, twin):
    recognise.identify(person_jpeg(3, variant=2))
    response = owner.post(merge_url(twin, ann), follow=True)
    assert response.redirect_chain[-1][0] == person_page(ann)
    assert list(Identity.objects.all()) == [ann]
    assert ann.photos.count() == ann.embeddings.count() == 3
    assert recognise.identify(person_jpeg(3, variant=3)).faces[0].identity == ann
    assert "Anna" in owner.get(response.redirect_chain[-1][0]).text


def test_it_can_be_undone(owner, ann, twin):
    owner.post(merge_url(twin, ann))
    merge = Merge.objects.get()
    assert merge.by.username == "owner"
    undo = f"/admin/recognition/identity/merges/{merge.pk}/undo/"
    assert undo in owner.get(person_page(ann)).text
    assert "Part Anna from Ann again?" in owner.get(undo).text
    response = owner.post(undo, follow=True)
    assert response.redirect_chain[-1][0] == person_page(twin)
    assert set(Identity.objects.all()) == {ann, twin}
    assert said(owner.post(undo, follow=True)) == ["This merge was undone already."]
    assert undo not in owner.get(person_page(ann)).text


def test_only_who_may_merge_may_undo(owner, staff, ann, twin):
    owner.post(merge_url(twin, ann))
    undo = f"/admin/recognition/identity/merges/{Merge.objects.get().pk}/undo/"
    for rights in ((), ("view_identity", "change_identity")):
        client = staff(*rights)
        assert client.get(undo).status_code == client.post(undo).status_code == 403
    assert undo not in staff("view_identity").get(person_page(ann)).text
    assert Identity.objects.count() == 1


def test_the_page_of_who_was_merged_leads_to_who_stayed(owner, ann, twin):
    recognise.identify(person_jpeg(3, variant=2))
    owner.post(merge_url(twin, ann))
    response = owner.get(person_page(twin), follow=True)
    assert response.redirect_chain[-1][0] == person_page(ann)
    assert said(response)[-1] == "Anna (ID-Anna) was merged into this person."
    assert "Anna" not in owner.get("/admin/recognition/identity/").text.partition("<tbody")[2]


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
