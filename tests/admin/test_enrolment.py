"""Adding a person with photos in one step, and more photos afterwards."""

from __future__ import annotations

import pytest

from recognition.admin.identity_form import MAX_FILES
from recognition.models import Identity, Photo, StoredFile
from recognition.services.enrolment import photos
from recognition.services.identities import people
from recognition.services.recognition import recognise
from tests.admin.conftest import add_photo, file, person_page, said
from tests.fakes import person_jpeg, wall_jpeg

ADD = "/admin/recognition/identity/add/"
JSON = {"HTTP_ACCEPT": "application/json"}
BAD_FILES = {
    "empty.jpg": (b"", "The file is empty"),
    "notes.txt": (b"hello, this is a text", "not a picture that can be read"),
    "cut.jpg": (person_jpeg(3)[:700], "not a picture that can be read"),
}


def form(**fields: object) -> dict[str, object]:
    return {"name": "Ann", "external_id": "A1"} | fields


def upload_url(identity: Identity) -> str:
    return f"/admin/recognition/identity/{identity.pk}/photos/"


def test_a_person_with_photos_in_one_step(owner, django_capture_on_commit_callbacks):
    files = [file(person_jpeg(3), "one.jpg"), file(person_jpeg(3, variant=1), "two.jpg")]
    with django_capture_on_commit_callbacks() as sent:
        response = owner.post(ADD, form(photos=files))
    ann = Identity.objects.get()
    assert response["Location"] == person_page(ann)
    assert (ann.name, ann.external_id, ann.status) == ("Ann", "A1", "active")
    assert [(p.filename, p.state) for p in ann.photos.all()] == [
        ("one.jpg", "waiting"),
        ("two.jpg", "waiting"),
    ]
    assert len(sent) == 2  # both were enqueued
    photos.process_photos([p.pk for p in ann.photos.all()])
    assert recognise.identify(person_jpeg(3, variant=2)).faces[0].identity == ann


def test_a_person_without_photos(owner):
    response = owner.post(ADD, form(), follow=True)
    assert response.redirect_chain[-1][0] == person_page(Identity.objects.get())
    assert "No photos yet" in response.text


def test_a_bad_file_is_named_and_the_others_are_kept(owner):
    files = [file(person_jpeg(3), "face.jpg"), file(b"hello", "notes.txt")]
    response = owner.post(ADD, form(photos=files), follow=True)
    assert [p.filename for p in Photo.objects.all()] == ["face.jpg"]
    assert any(text.startswith("notes.txt: The file is not a picture") for text in said(response))


@pytest.mark.parametrize("name", BAD_FILES)
def test_only_bad_files_make_nobody(owner, name):
    data, reason = BAD_FILES[name]
    response = owner.post(ADD, form(photos=[file(data, name)]))
    assert response.status_code == 200
    assert f"{name}: " in response.text
    assert reason in response.text
    assert not Identity.objects.exists()
    assert not StoredFile.objects.exists()


def test_the_same_file_twice_is_kept_once(owner):
    files = [file(person_jpeg(3), "one.jpg"), file(person_jpeg(3), "again.jpg")]
    response = owner.post(ADD, form(photos=files), follow=True)
    assert Photo.objects.count() == 1
    assert StoredFile.objects.count() == 1
    assert any(text.startswith("again.jpg: This file is already") for text in said(response))


def test_too_many_files_make_nobody(owner):
    files = [file(b"x", f"{n}.jpg") for n in range(MAX_FILES + 1)]
    response = owner.post(ADD, form(photos=files))
    assert f"at most {MAX_FILES}" in response.text
    assert not Identity.objects.exists()


def test_a_file_that_is_too_large_is_not_even_read(owner, monkeypatch, settings):
    settings.MAX_UPLOAD_BYTES = 2**20
    monkeypatch.setattr("recognition.services.enrolment.photos.prepare_photo", None)
    response = owner.post(ADD, form(photos=[file(b"x" * (2**20 + 1), "huge.jpg")]))
    assert "huge.jpg: The picture is too large" in response.text
    assert "and 1 MB" in response.text
    assert not Identity.objects.exists()


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": ""}, "required"),
        ({"name": "a\x00b"}, "Null characters"),
        ({"name": "a" * 201}, "at most 200"),
        ({"external_id": "a/b"}, "No slashes"),
        ({"external_id": ""}, "required"),
        ({"external_id": "TAKEN"}, "already exists"),
    ],
)
def test_details_that_cannot_be_used(owner, fields, complaint):
    people.create_identity(name="Other", external_id="TAKEN")
    response = owner.post(ADD, form(photos=[file(person_jpeg(3))], **fields))
    assert response.status_code == 200
    assert complaint in response.text
    assert "Choose the photos again" in response.text
    assert Identity.objects.count() == 1
    assert not Photo.objects.exists()


def test_who_may_not_add_photos_adds_a_bare_person(staff):
    clerk = staff("view_identity", "add_identity", "view_photo")
    assert "data-drop-zone" not in clerk.get(ADD).text
    clerk.post(ADD, form(photos=[file(person_jpeg(3))]))
    assert Identity.objects.get().name == "Ann"
    assert not Photo.objects.exists()


def test_add_another(owner):
    assert owner.post(ADD, form(_addanother="1"))["Location"] == ADD


def test_an_id_that_is_taken_meanwhile_is_told(owner, monkeypatch):
    people.create_identity(name="Other", external_id="A1")
    monkeypatch.setattr(Identity, "validate_unique", lambda *a, **k: None)
    response = owner.post(ADD, form(photos=[file(person_jpeg(3))]), follow=True)
    assert said(response) == ["The ID or the account belongs to another person."]
    assert Identity.objects.count() == 1


# --- more photos on the person's page


def test_the_uploader_gets_the_card_and_the_progress(owner, ann):
    response = owner.post(upload_url(ann), {"photos": file(person_jpeg(3, variant=1), "new.jpg")}, **JSON)
    photo = ann.photos.get(filename="new.jpg")
    answer = response.json()
    assert response.status_code == 200
    assert [card["pk"] for card in answer["cards"]] == [photo.pk]
    assert f'id="photo-{photo.pk}"' in answer["cards"][0]["html"]
    assert "data-unfinished" in answer["cards"][0]["html"]
    assert answer["problems"] == []
    assert answer["progress"] == {"total": 2, "waiting": 1, "done": 1, "ready": 1, "percent": 50}


def test_the_uploader_gets_no_card_for_who_may_not_see_photos(staff, ann):
    clerk = staff("view_identity", "add_photo")
    sent = {"photos": [file(person_jpeg(3, variant=2), "mine.jpg")]}
    answer = clerk.post(upload_url(ann), sent, **JSON).json()
    assert (answer["taken"], answer["cards"]) == (1, [])


@pytest.mark.parametrize("name", BAD_FILES)
def test_the_uploader_is_told_what_is_wrong(owner, ann, name):
    data, reason = BAD_FILES[name]
    response = owner.post(upload_url(ann), {"photos": file(data, name)}, **JSON)
    assert response.status_code == 400
    assert response.json()["problems"][0].startswith(f"{name}: ")
    assert reason in response.json()["problems"][0]
    assert ann.photos.count() == 1


def test_the_uploader_sends_a_file_that_is_there_already(owner, ann):
    response = owner.post(upload_url(ann), {"photos": file(person_jpeg(3), "again.jpg")}, **JSON)
    assert response.status_code == 400
    assert response.json()["problems"] == ["again.jpg: This file is already among the photos of this person."]


def test_the_plain_form_without_script(owner, ann):
    files = [file(person_jpeg(3, variant=1), "new.jpg"), file(b"", "empty.jpg")]
    response = owner.post(upload_url(ann), {"photos": files}, follow=True)
    assert response.redirect_chain[-1][0] == f"{person_page(ann)}#photos"
    assert ann.photos.count() == 2
    assert said(response) == ["empty.jpg: The file is empty. Choose a photo."]


def test_the_plain_form_without_a_file(owner, ann):
    response = owner.post(upload_url(ann), {}, follow=True)
    assert said(response) == ["Choose at least one photo."]


def test_uploading_is_a_post(owner, ann):
    assert owner.get(upload_url(ann)).status_code == 405


def test_a_wall_is_taken_and_then_rejected_with_what_to_do(owner, ann):
    add_photo(ann, wall_jpeg(), "wall.jpg")
    page = owner.get(person_page(ann))
    assert "No face was found. Use a photo that shows the face clearly" in page.text


def test_a_file_name_cannot_leave_its_folder(owner, ann):
    owner.post(upload_url(ann), {"photos": file(person_jpeg(3, variant=1), "..\\..\\x\x00y.jpg")}, **JSON)
    assert ann.photos.latest("id").filename in ("xy.jpg", "x\ufffdy.jpg")
