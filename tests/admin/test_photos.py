"""Choosing a face, deleting photos, and the list of all photos."""

from __future__ import annotations

import pytest

from recognition.models import Embedding, Identity, Photo, StoredFile
from recognition.services.enrolment import photos
from recognition.services.recognition import recognise
from tests.admin.conftest import add_photo, person, person_page, said
from tests.fakes import person_jpeg, wall_jpeg
from tests.galleries import process_as_theirs

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


class TestAccepting:
    @pytest.fixture
    def blurred(self, ann) -> Photo:
        photos.delete_photo(ann.photos.get())
        return add_photo(ann, person_jpeg(1, blurred=True))

    def test_a_photo_that_is_not_fit_waits_for_staff(self, owner, blurred):
        assert (blurred.state, blurred.reason) == ("rejected", "too_blurred")
        assert not Embedding.objects.exists()
        assert "Accept all the same" in owner.get(person_page(blurred.identity)).text
        response = owner.post(f"{LIST}{blurred.pk}/accept/")
        assert response["Location"].endswith(f"#photo-{blurred.pk}")
        photos.process_photos([blurred.pk])
        blurred.refresh_from_db()
        assert (blurred.state, blurred.reason, blurred.accepted) == ("ready", "", True)
        assert blurred.quality["reasons"] == ["too_blurred"]
        assert Embedding.objects.get().photo == blurred
        page = owner.get(person_page(blurred.identity)).text
        assert "Accepted by staff" in page
        assert "Accept all the same" not in page

    def test_it_stays_accepted_when_it_is_looked_at_again(self, owner, blurred):
        owner.post(f"{LIST}{blurred.pk}/accept/")
        for _ in range(2):
            Photo.objects.update(state="waiting", attempts=0)
            photos.process_photos([blurred.pk])
        assert Photo.objects.get().state == "ready"

    def test_another_face_of_it_is_another_question(self, owner, ann):
        photo = add_photo(ann, person_jpeg(5, 3, blurred=True))
        choose(owner, photo, 0)
        photos.process_photos([photo.pk])
        owner.post(f"{LIST}{photo.pk}/accept/")
        process_as_theirs(photo.pk)
        assert Photo.objects.get(pk=photo.pk).state == "ready"
        choose(owner, photo, 1)
        photos.process_photos([photo.pk])
        photo.refresh_from_db()
        assert (photo.state, photo.reason, photo.accepted) == ("rejected", "too_blurred", False)
        assert not photo.embeddings.exists()

    @pytest.mark.parametrize("data", [person_jpeg(1, variant=3), wall_jpeg(), person_jpeg(2, 6)])
    def test_nothing_else_can_be_accepted(self, owner, ann, data):
        photo = add_photo(ann, data)
        before = (photo.state, photo.reason)
        assert f"{LIST}{photo.pk}/accept/" not in owner.get(person_page(ann)).text
        response = owner.post(f"{LIST}{photo.pk}/accept/", follow=True)
        assert said(response) == ["Only a photo that was rejected for its quality can be accepted."]
        photo.refresh_from_db()
        assert (photo.state, photo.reason, photo.accepted) == (*before, False)


@pytest.mark.parametrize("deed", ["choose", "remove", "accept"])
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
