"""GET and POST /people/{external_id}/photos."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import pytest
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from recognition.models import Photo
from recognition.services import enrolment
from recognition.services.enrolment import uploads
from recognition.services.identities import erasure, people
from tests.accounts.conftest import Enrol
from tests.api.conftest import NewKiosk
from tests.api.kiosks import assert_guarded, error_of, in_base64, rows, upload
from tests.api.pictures import UNUSABLE, USABLE
from tests.fakes import person_jpeg, wall_jpeg

PATH = "people/N1/photos"


@pytest.fixture(autouse=True)
def newcomer(db: None) -> None:
    people.create_identity(name="Nora New", external_id="N1")


def test_who_may() -> None:
    assert_guarded("get", PATH, scopes=["read"])
    assert_guarded("post", PATH, scopes=["enrol"])


def test_a_photo_is_taken_and_processed(new_kiosk: NewKiosk, process: Callable[[], None]) -> None:
    kiosk = new_kiosk("enrol", "read", "identify")
    response = kiosk.post(PATH, image=upload(person_jpeg(3), "nora.jpg"))
    assert response.status_code == 201
    (photo,) = response.json()["photos"]
    assert response.json()["refused"] == []
    assert (photo["state"], photo["external_id"], photo["filename"]) == ("waiting", "N1", "nora.jpg")
    assert (photo["faces"], photo["quality"], photo["processed_at"]) == ([], None, None)
    process()
    photo = kiosk.get(f"photos/{photo['id']}").json()
    assert (photo["state"], photo["reason"], photo["message"], photo["chosen_face"]) == ("ready", "", "", 0)
    assert len(photo["faces"]) == 1
    assert photo["quality"]["reasons"] == []
    (face,) = kiosk.post("identify", image=upload(person_jpeg(3, variant=4))).json()["faces"]
    assert face["candidates"][0]["external_id"] == "N1"


def test_the_photo_as_the_body(new_kiosk: NewKiosk, process: Callable[[], None]) -> None:
    kiosk = new_kiosk("enrol")
    response = kiosk.send("post", f"{PATH}?filename=nora.jpg", person_jpeg(3), "application/octet-stream")
    assert response.status_code == 201
    assert [photo["filename"] for photo in response.json()["photos"]] == ["nora.jpg"]
    process()
    assert Photo.objects.get().state == "ready"
    for name, (data, status, code) in UNUSABLE.items():
        assert error_of(kiosk.send("post", PATH, data, "image/jpeg"), status)["code"] == code, name
    assert Photo.objects.count() == 1


def test_a_photo_is_enqueued_on_commit(
    new_kiosk: NewKiosk, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    kiosk = new_kiosk("enrol")
    with patch("celery.current_app.send_task") as send, django_capture_on_commit_callbacks(execute=True):
        kiosk.post(PATH, image=upload(person_jpeg(3)))
        send.assert_not_called()
    send.assert_called_once()
    assert send.call_args.kwargs["args"] == ([Photo.objects.get().pk],)


def test_base64(new_kiosk: NewKiosk) -> None:
    content = {"image": in_base64(person_jpeg(3)), "filename": "C:\\photos\\nora.jpg"}
    response = new_kiosk("enrol").post_json(PATH, content)
    assert response.status_code == 201
    assert response.json()["photos"][0]["filename"] == "nora.jpg"
    assert Photo.objects.get().image.size > 0


def test_several_files(new_kiosk: NewKiosk, process: Callable[[], None]) -> None:
    kiosk = new_kiosk("enrol", "read")
    files = [upload(person_jpeg(3, variant=v), f"{v}.jpg") for v in range(3)]
    response = kiosk.post(PATH, image=files)
    assert [p["filename"] for p in response.json()["photos"]] == ["0.jpg", "1.jpg", "2.jpg"]
    process()
    assert kiosk.get("people/N1").json()["ready_photos"] == 3


def test_good_files_among_bad_ones(new_kiosk: NewKiosk) -> None:
    files = [
        upload(b"", "empty.jpg"),
        upload(person_jpeg(3), "good.jpg"),
        upload(b"text", "text.jpg"),
        upload(person_jpeg(3), "again.jpg"),
        upload(bytes(15 * 2**20 + 1), "large.jpg"),
    ]
    before = rows()
    response = new_kiosk("enrol").post(PATH, image=files)
    assert response.status_code == 201
    answer = response.json()
    assert [p["filename"] for p in answer["photos"]] == ["good.jpg"]
    assert {r["filename"]: r["code"] for r in answer["refused"]} == {
        "empty.jpg": "empty",
        "text.jpg": "unreadable",
        "again.jpg": "duplicate",
        "large.jpg": "too_large",
    }
    assert rows() == before | {"Photo": 1, "StoredFile": 1}


def test_only_bad_files(new_kiosk: NewKiosk) -> None:
    before = rows()
    files = [upload(b"", "empty.jpg"), upload(b"text", "text.jpg")]
    error = error_of(new_kiosk("enrol").post(PATH, image=files), 422)
    assert error["code"] == "empty"
    assert [r["filename"] for r in error["detail"]["refused"]] == ["empty.jpg", "text.jpg"]
    assert rows() == before


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_pictures(new_kiosk: NewKiosk, name: str) -> None:
    data, status, code = UNUSABLE[name]
    kiosk = new_kiosk("enrol")
    before = rows()
    assert error_of(kiosk.post(PATH, image=upload(data)), status)["code"] == code
    assert error_of(kiosk.post_json(PATH, {"image": in_base64(data)}), status)["code"] == code
    assert rows() == before


@pytest.mark.parametrize("name", USABLE)
def test_usable_pictures(new_kiosk: NewKiosk, name: str) -> None:
    image = upload(USABLE[name], "x.txt", "text/plain")
    response = new_kiosk("enrol").post(PATH, image=image)
    assert response.status_code == 201
    with Photo.objects.get().image.open("rb") as file:
        assert file.read(3) == b"\xff\xd8\xff"


def test_a_file_again(new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("enrol")
    kiosk.post(PATH, image=upload(person_jpeg(3)))
    before = rows()
    error = error_of(kiosk.post(PATH, image=upload(person_jpeg(3), "other name.jpg")), 409)
    assert error["code"] == "duplicate"
    assert rows() == before


def test_photos_of_a_wall(new_kiosk: NewKiosk, process: Callable[[], None]) -> None:
    kiosk = new_kiosk("enrol", "read", "verify")
    kiosk.post(PATH, image=[upload(wall_jpeg(v), f"{v}.jpg") for v in range(10)])
    process()
    found = kiosk.get(PATH, state="rejected").json()
    assert found["count"] == 10
    assert {p["reason"] for p in found["results"]} == {"no_face"}
    assert found["results"][0]["message"].startswith("No face was found.")
    error = error_of(kiosk.post("verify", image=upload(person_jpeg(3)), external_id="N1"), 409)
    assert error["code"] == "not_enrolled"
    assert rows()["Embedding"] == 0


def test_lists_in_order(new_kiosk: NewKiosk, enrol: Enrol) -> None:
    enrol(1, account=False)
    kiosk = new_kiosk("enrol", "read")
    kiosk.post(PATH, image=[upload(person_jpeg(3, variant=v), f"{v}.jpg") for v in range(3)])
    page = kiosk.get(PATH, page_size=2).json()
    assert page["count"] == 3
    assert [p["filename"] for p in page["results"]] == ["0.jpg", "1.jpg"]
    assert {p["external_id"] for p in page["results"]} == {"N1"}
    rest = kiosk.get(page["next"].removeprefix("http://testserver")).json()
    assert [p["filename"] for p in rest["results"]] == ["2.jpg"]
    assert kiosk.get(PATH, state="ready").json()["count"] == 0
    assert kiosk.get("people/F1/photos", state="ready").json()["count"] == 2


def test_as_many_queries_for_many_photos_as_for_one(
    new_kiosk: NewKiosk, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    kiosk = new_kiosk("enrol", "read")
    for variant in range(3):
        kiosk.post(PATH, image=upload(person_jpeg(3, variant=variant)))
        with django_assert_num_queries(4):  # key, person, count, page
            kiosk.get(PATH)


def test_an_unknown_person(new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("enrol", "read")
    before = rows()
    error_of(kiosk.get("people/nobody/photos"), 404)
    error = error_of(kiosk.post("people/nobody/photos", image=upload(person_jpeg(3))), 404)
    assert error["code"] == "unknown_person"
    assert rows() == before


@pytest.mark.django_db(transaction=True)  # foreign keys are checked on commit
def test_a_person_erased_meanwhile(new_kiosk: NewKiosk) -> None:
    """The erasure comes while the file is being read."""

    def read(files: object) -> uploads.Uploads:
        erasure.erase(people.get_identity("N1"))
        return original(files)  # type: ignore[arg-type]

    original = uploads.read_uploads
    with patch.object(enrolment, "read_uploads", read):
        response = new_kiosk("enrol").post(PATH, image=upload(person_jpeg(3)))
    assert error_of(response, 404)["code"] == "unknown_person"
    assert rows() | {"GalleryChange": 0} == dict.fromkeys(rows(), 0)


@pytest.mark.parametrize("fields", [{}, {"image": "text"}, {"images": b"x"}])
def test_a_form_without_a_file(new_kiosk: NewKiosk, fields: dict[str, object]) -> None:
    before = rows()
    error_of(new_kiosk("enrol").post(PATH, **fields), 400)
    assert rows() == before


def test_too_many_files(new_kiosk: NewKiosk) -> None:
    before = rows()
    files = [upload(person_jpeg(3, variant=v)) for v in range(21)]
    error = error_of(new_kiosk("enrol").post(PATH, image=files), 400)
    assert "20" in error["message"]
    error_of(new_kiosk("enrol").post(PATH, image=[upload(b"x") for _ in range(250)]), 400)
    assert rows() == before


@pytest.mark.parametrize("filename", ["../../etc/passwd", "a\x00.jpg", "x" * 300 + ".jpg", "ü名.jpg", ""])
def test_odd_filenames(new_kiosk: NewKiosk, filename: str) -> None:
    content = {"image": in_base64(person_jpeg(3)), "filename": filename}
    response = new_kiosk("enrol").post_json(PATH, content)
    if "\x00" in filename or len(filename) > 255:
        error_of(response, 400)
    else:
        assert response.json()["photos"][0]["filename"] == filename.rsplit("/", 1)[-1]
