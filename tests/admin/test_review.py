"""The page of the review queue: who may look, who may answer, and what each answer does."""

from __future__ import annotations

import pytest

from recognition.models import Identity
from recognition.services import overview
from recognition.services.enrolment import photos
from tests.admin.conftest import add_photo, person, said
from tests.fakes import person_jpeg

PAGE = "/admin/recognition/photo/review/"


@pytest.fixture
def ben(ann) -> Identity:
    return person("Ben", 5)


@pytest.fixture
def doubtful(ann, ben):
    """A photo of Ann that was added to Ben."""
    return add_photo(ben, person_jpeg(3, variant=7), "wrong.jpg")


def answer(browser, photo, what: str):
    return browser.post(f"/admin/recognition/photo/{photo.pk}/review/{what}/", follow=True)


def test_an_empty_queue(owner):
    assert "Nothing to review" in owner.get(PAGE).text


def test_the_photo_beside_both_people(owner, doubtful, ann, ben):
    page = owner.get(PAGE).text
    assert "It is Ben" in page
    assert "It is Ann" in page
    assert "wrong.jpg" in page
    for identity in (ann, ben):
        assert f"/photos/{identity.photos.filter(state='ready').get().pk}/crop" in page


def test_later_shows_the_next_and_then_the_first_again(owner, doubtful, ann):
    second = add_photo(ann, person_jpeg(5, variant=8), "second.jpg")
    assert "second.jpg" in owner.get(f"{PAGE}?after={doubtful.pk}").text
    assert "wrong.jpg" in owner.get(f"{PAGE}?after={second.pk}").text


@pytest.mark.parametrize(
    ("what", "state", "whose"),
    [
        ("confirm", "ready", "Ben"),
        ("move", "ready", "Ann"),
        ("reject", "rejected", "Ben"),
        ("merge", "ready", "Ann"),
    ],
)
def test_each_answer(owner, doubtful, what, state, whose):
    response = answer(owner, doubtful, what)
    assert "Nothing to review" in response.text
    photos.process_photos([doubtful.pk])
    doubtful.refresh_from_db()
    assert (doubtful.state, doubtful.identity.name) == (state, whose)
    assert Identity.objects.count() == (1 if what == "merge" else 2)


def test_an_answer_that_comes_too_late(owner, doubtful):
    photos.delete_photo(add_photo(doubtful.identity, person_jpeg(3, variant=8)))
    answer(owner, doubtful, "reject")
    assert said(answer(owner, doubtful, "confirm")) == ["This photo was decided meanwhile."]


def test_a_photo_that_resembles_nobody_cannot_be_moved(owner, ann):
    odd = add_photo(ann, person_jpeg(7))
    assert odd.reason == "does_not_fit"
    assert "review/move/" not in owner.get(PAGE).text
    assert said(answer(owner, odd, "move")) == ["This photo resembles nobody any more. Look again."]


def test_a_colleague_may_look_and_not_answer(colleague, doubtful):
    page = colleague.get(PAGE)
    assert page.status_code == 200
    assert "review/confirm/" not in page.text
    for what in ("confirm", "move", "merge", "reject"):
        assert answer(colleague, doubtful, what).status_code == 403


def test_who_may_not_delete_people_may_not_merge(staff, doubtful):
    clerk = staff("view_photo", "view_identity", "change_photo")
    assert "review/merge/" not in clerk.get(PAGE).text
    assert answer(clerk, doubtful, "merge").status_code == 403
    assert answer(clerk, doubtful, "confirm").status_code == 200


def test_an_outsider_sees_nothing(outsider, staff, doubtful):
    assert outsider.get(PAGE).status_code == 302
    assert staff("view_photo").get(PAGE).status_code == 403
    assert answer(outsider, doubtful, "confirm").redirect_chain


def test_looking_changes_nothing(owner, doubtful):
    assert owner.get(f"/admin/recognition/photo/{doubtful.pk}/review/confirm/").status_code == 405
    assert overview.count_photos()["review"] == 1


def test_the_overview_leads_there(owner, doubtful):
    page = owner.get("/admin/").text
    assert "Photos to review" in page
    assert PAGE in page


def test_the_card_of_the_photo_leads_there(owner, doubtful):
    page = owner.get(f"/admin/recognition/identity/{doubtful.identity_id}/change/").text
    assert "to be reviewed" in page
    assert PAGE in page
