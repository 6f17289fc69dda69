"""GET and DELETE /photos/{id}, choose_face and image."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from recognition.models import Photo
from recognition.services import enrolment
from recognition.services.enrolment import photos
from recognition.services.identities import people
from tests.accounts.conftest import Enrol
from tests.api.conftest import NewKiosk
from tests.api.kiosks import assert_guarded, error_of, rows, upload
from tests.fakes import person_jpeg

MISSING = [1, 0, 2**31, 2**63 - 1, 2**63, 10**30]


@pytest.fixture
def two_faces(db: None, process: Callable[[], None]) -> Photo:
    """A photo of persons 5 and 6, rejected since nobody said whose it is."""
    identity = people.create_identity(name="Nora New", external_id="N1")
    photo = photos.add_photo(identity=identity, data=person_jpeg(5, 6))
    process()
    photo.refresh_from_db()
    assert photo.reason == "several_faces"
    return photo


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("get", "photos/1", ["read", "enrol"]),
        ("delete", "photos/1", ["admin"]),
        ("post", "photos/1/choose_face", ["enrol"]),
        ("get", "photos/1/image", ["read"]),
    ],
)
def test_who_may(method: str, path: str, scopes: list[str]) -> None:
    assert_guarded(method, path, scopes=scopes)


def test_says_why_it_was_rejected(two_faces: Photo, new_kiosk: NewKiosk) -> None:
    found = new_kiosk("enrol").get(f"photos/{two_faces.pk}").json()
    assert (found["state"], found["reason"], found["chosen_face"]) == ("rejected", "several_faces", None)
    assert found["message"] == "There are several faces. Choose the one that belongs to this person."
    assert len(found["faces"]) == 2


def test_chooses_a_face(two_faces: Photo, new_kiosk: NewKiosk, process: Callable[[], None]) -> None:
    kiosk = new_kiosk("enrol", "identify", "read")
    right = max(range(2), key=lambda i: two_faces.faces[i]["box"][0])
    answer = kiosk.post_json(f"photos/{two_faces.pk}/choose_face", {"face": right}).json()
    assert (answer["state"], answer["chosen_face"], answer["reason"]) == ("waiting", right, "")
    process()
    assert kiosk.get(f"photos/{two_faces.pk}").json()["state"] == "ready"
    for number, decision in ((6, "match"), (5, "no_match")):
        (face,) = kiosk.post("identify", image=upload(person_jpeg(number, variant=3))).json()["faces"]
        assert face["decision"] == decision


def test_chooses_while_it_is_processed(two_faces: Photo, new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("enrol")
    kiosk.post_json(f"photos/{two_faces.pk}/choose_face", {"face": 0})
    error = error_of(kiosk.post_json(f"photos/{two_faces.pk}/choose_face", {"face": 1}), 409)
    assert error["code"] == "busy"
    two_faces.refresh_from_db()
    assert two_faces.chosen_face == 0


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({"face": 2}, 422),
        ({"face": 10_000}, 422),
        ({"face": -1}, 400),
        ({"face": 10**30}, 400),
        ({"face": "first"}, 400),
        ({"face": None}, 400),
        ({"face": 0.5}, 400),
        ({"face": True}, 400),
        ({}, 400),
        ([0], 400),
    ],
)
def test_chooses_no_face_of_it(two_faces: Photo, new_kiosk: NewKiosk, content: object, status: int) -> None:
    error_of(new_kiosk("enrol").post_json(f"photos/{two_faces.pk}/choose_face", content), status)
    two_faces.refresh_from_db()
    assert (two_faces.state, two_faces.chosen_face) == ("rejected", None)


def test_shows_the_picture(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False, photo_count=1)
    photo = Photo.objects.get()
    kiosk = new_kiosk("read")
    response = kiosk.get(f"photos/{photo.pk}/image")
    with photo.image.open("rb") as file:
        assert response.content == file.read()
    assert response["Content-Type"] == "image/jpeg"
    assert response["Cache-Control"] == "private, no-store"
    photo.image.delete(save=False)
    assert error_of(kiosk.get(f"photos/{photo.pk}/image"), 404)["code"] == "unknown_photo"


def test_deletes_photo_and_vector(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False, photo_count=1)
    kiosk = new_kiosk("admin")
    response = kiosk.delete(f"photos/{Photo.objects.get().pk}")
    assert (response.status_code, response.content) == (204, b"")
    left = rows()
    assert (left["Identity"], left["Photo"], left["Embedding"], left["StoredFile"]) == (1, 0, 0, 0)
    (face,) = kiosk.post("identify", image=upload(person_jpeg(1, variant=7))).json()["faces"]
    assert face["decision"] == "no_match"


def test_a_picture_whose_time_is_over(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False, photo_count=1)
    enrolment.drop_originals(timezone.now())
    kiosk, pk = new_kiosk("admin"), Photo.objects.get().pk
    assert error_of(kiosk.get(f"photos/{pk}/image"), 404)["code"] == "no_picture"
    assert error_of(kiosk.post_json(f"photos/{pk}/choose_face", {"face": 0}), 409)["code"] == "no_picture"


@pytest.mark.parametrize("pk", MISSING)
def test_unknown_photos(new_kiosk: NewKiosk, pk: int) -> None:
    kiosk = new_kiosk("admin")
    for response in (
        kiosk.get(f"photos/{pk}"),
        kiosk.get(f"photos/{pk}/image"),
        kiosk.delete(f"photos/{pk}"),
        kiosk.post_json(f"photos/{pk}/choose_face", {"face": 0}),
    ):
        assert error_of(response, 404)["code"] == "unknown_photo"


@pytest.mark.parametrize("pk", ["abc", "-1", "1.5", "%00"])
def test_impossible_numbers(new_kiosk: NewKiosk, pk: str) -> None:
    assert error_of(new_kiosk("admin").get(f"photos/{pk}"), 404)["code"] == "not_found"
