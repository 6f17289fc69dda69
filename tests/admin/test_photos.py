"""Choosing a face, deleting photos, and the list of all photos."""

from __future__ import annotations

import pytest

from recognition.models import Embedding, Identity, Photo, StoredFile
from recognition.services.enrolment import photos
from recognition.services.recognition import recognise
from tests.admin.conftest import add_photo, person, person_page, said
from tests.fakes import person_jpeg, wall_jpeg

LIST = "/admin/recognition/photo/"


@pytest.fixture
def group(ann) -> Photo:
    """A photo with two faces, of which the right one is Ann's."""
    photos.delete_photo(ann.photos.get())
    return add_photo(ann, person_jpeg(5, 3))


def choose(client, photo, face, **extra):
    return client.post(f"{LIST}{photo.pk}/choose/", {"face": face}, **extra)


def test_the_page_asks_which_face_it_is(owner, group):
    page = owner.get(person_page(group.identity)).text
    assert "Which face is it?" in page
    assert page.count('name="face"') == 2
    assert page.count("data-face=") == 2


def test_the_chosen_face_is_the_one_that_is_enrolled(owner, group):
    right = max(range(2), key=lambda i: group.faces[i]["box"][0])
    response = choose(owner, group, right)
    assert response["Location"] == f"{person_page(group.identity)}?photo={group.pk}#photo-{group.pk}"
    group.refresh_from_db()
    assert group.state == "waiting"
    photos.process_photos([group.pk])
    group.refresh_from_db()
    assert (group.state, group.chosen_face) == ("ready", right)
    assert recognise.identify(person_jpeg(3, variant=2)).faces[0].identity == group.identity
    assert recognise.identify(person_jpeg(5, variant=2)).faces[0].decision == "no_match"
    assert owner.get(person_page(group.identity)).text.count("Another face?") == 1


@pytest.mark.parametrize("face", ["", "2", "-1", "99999999", "x", "\x00", "٣", "0.5"])
def test_a_face_that_is_not_there(owner, group, face):
    response = choose(owner, group, face, follow=True)
    assert len(said(response)) == 1
    group.refresh_from_db()
    assert (group.state, group.chosen_face) == ("rejected", None)


def test_a_photo_in_work_cannot_be_chosen_from(owner, group):
    Photo.objects.filter(pk=group.pk).update(state="processing")
    assert said(choose(owner, group, "0", follow=True)) == [
        "The photo is being processed. Try again in a moment."
    ]


@pytest.mark.parametrize("deed", ["choose", "remove"])
def test_only_by_post(owner, group, deed):
    assert owner.get(f"{LIST}{group.pk}/{deed}/").status_code == 405
    assert Photo.objects.filter(pk=group.pk).exists()


def test_a_deleted_photo_takes_files_vector_and_recognition_along(owner, ann):
    photo = ann.photos.get()
    assert StoredFile.objects.count() == 2
    response = owner.post(f"{LIST}{photo.pk}/remove/", follow=True)
    assert said(response) == ["The photo was deleted."]
    assert not Photo.objects.exists()
    assert not StoredFile.objects.exists()
    assert not Embedding.objects.exists()
    assert recognise.identify(person_jpeg(3, variant=2)).faces[0].decision == "no_match"


# --- the list


def test_queries_do_not_grow(owner, ann, django_assert_num_queries):
    owner.get(LIST)
    with django_assert_num_queries(4):  # session, user, count, rows
        owner.get(LIST)
    for number in range(6):
        person(f"Person {number}", number + 5)
    with django_assert_num_queries(4):
        assert len(owner.get(LIST).context["cl"].result_list) == 7


def test_rejected_ones_with_their_reason(owner, ann):
    add_photo(ann, wall_jpeg(), "wall.jpg")
    page = owner.get(f"{LIST}?state__exact=rejected")
    assert [photo.filename for photo in page.context["cl"].result_list] == ["wall.jpg"]
    assert "No face was found." in page.text
    assert len(owner.get(f"{LIST}?reason=no_face").context["cl"].result_list) == 1
    assert len(owner.get(f"{LIST}?reason=too_small").context["cl"].result_list) == 0


def test_search(owner, ann):
    person("Ben", 5)
    assert len(owner.get(f"{LIST}?q=Ben").context["cl"].result_list) == 1


def test_a_photo_is_looked_at_with_its_person(owner, ann):
    photo = ann.photos.get()
    response = owner.get(f"{LIST}{photo.pk}/change/")
    assert response["Location"] == f"{person_page(ann)}?photo={photo.pk}#photo-{photo.pk}"


def test_photos_are_not_added_here(owner, ann):
    assert owner.get(f"{LIST}add/").status_code == 403


@pytest.mark.parametrize("way", ["one", "many"])
def test_deleting_from_the_list(owner, ann, way):
    photo = ann.photos.get()
    if way == "one":
        asked = owner.get(f"{LIST}{photo.pk}/delete/")
        response = owner.post(f"{LIST}{photo.pk}/delete/", {"post": "yes"})
    else:
        chosen = {"action": "delete_selected", "_selected_action": [photo.pk]}
        asked = owner.post(LIST, chosen)
        response = owner.post(LIST, chosen | {"post": "yes"})
    assert asked.status_code == 200
    assert response.status_code == 302
    assert not StoredFile.objects.exists()
    assert not recognise.identify(person_jpeg(3, variant=2)).faces[0].identity
    assert Identity.objects.count() == 1
