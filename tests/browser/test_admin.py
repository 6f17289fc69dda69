"""The admin's scripts in Chromium: uploading, watching photos become ready, choosing a face, keys, the camera."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from recognition.models import Identity, Photo
from recognition.services import keys
from recognition.services.enrolment import photos
from recognition.services.identities import people
from recognition.services.recognition import recognise
from tests.fakes import person_jpeg, wall_jpeg

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ann(db) -> Identity:
    return people.create_identity(name="Ann", external_id="A1")


def page_of(identity: Identity) -> str:
    return f"/admin/recognition/identity/{identity.pk}/change/"


def upload(name: str, data: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def process_all() -> None:
    photos.process_photos(list(Photo.objects.filter(state="waiting").values_list("pk", flat=True)))


def test_photos_are_sent_one_by_one_and_become_ready_by_themselves(staff, ann):
    page = staff(page_of(ann))
    files = [upload("face.jpg", person_jpeg(3)), upload("wall.jpg", wall_jpeg()), upload("empty.jpg", b"")]
    page.set_input_files("input[type=file]", files)
    cards = page.locator("[data-photo]")
    expect(cards).to_have_count(2)
    expect(page.locator("[data-unfinished]")).to_have_count(2)
    expect(page.locator("[data-progress-text]")).to_have_text("0 of 2 photos looked at (0 %)")
    expect(page.locator("[data-list]")).to_have_text("empty.jpg is empty")
    process_all()
    expect(page.locator("[data-unfinished]")).to_have_count(0)
    expect(page.locator("[data-progress]")).to_be_hidden()
    expect(page.locator("#photos .id-count")).to_have_text("1 of 2 ready")
    expect(cards.filter(has_text="wall.jpg")).to_contain_text("No face was found.")
    expect(cards.filter(has_text="face.jpg").locator("rect.id-chosen")).to_have_count(1)
    page.wait_for_function(
        "() => document.querySelector('.id-crop').naturalWidth === 112"
    )  # it is loaded lazily
    assert staff.heard == []


def test_doubtful_photos_are_answered_with_one_key_each(staff, ann):
    ben = people.create_identity(name="Ben")
    for identity, number, variant in ((ann, 3, 0), (ben, 5, 0), (ben, 3, 1), (ben, 3, 2), (ann, 7, 0)):
        photos.add_photo(
            identity=identity, data=person_jpeg(number, variant=variant), filename=f"{number}-{variant}.jpg"
        )
        process_all()
    page = staff("/admin/recognition/photo/review/")
    expect(page.locator(".id-review")).to_contain_text("This photo looks like Ann.")
    page.keyboard.press("n")
    expect(page.locator(".id-doubt")).to_contain_text("3-2.jpg")
    page.keyboard.press("m")
    expect(page.locator(".id-review")).to_contain_text("This photo does not fit the others of Ann.")
    page.keyboard.press("r")
    expect(page.locator(".id-doubt")).to_contain_text("3-1.jpg")
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.keyboard.press("g")  # asks first
    expect(page.locator(".id-doubt")).to_contain_text("3-1.jpg")
    page.keyboard.press("a")
    expect(page.locator("body")).to_contain_text("Nothing to review.")
    process_all()
    expected = {
        "3-0.jpg": "ready",
        "5-0.jpg": "ready",
        "3-1.jpg": "ready",
        "3-2.jpg": "ready",
        "7-0.jpg": "rejected",
    }
    assert dict(Photo.objects.values_list("filename", "state")) == expected
    assert Photo.objects.get(filename="3-2.jpg").identity == ann
    assert staff.heard == []


def test_a_refused_file_is_told_beside_its_name(staff, ann):
    page = staff(page_of(ann))
    page.set_input_files("input[type=file]", [upload("notes.jpg", b"hello, no picture")])
    expect(page.locator("[data-list] .id-bad")).to_have_text(
        "notes.jpg The file is not a picture that can be read. Use a JPEG, PNG, WebP, HEIC, AVIF, TIFF or BMP photo."
    )
    assert not Photo.objects.exists()


def test_who_may_not_see_photos_is_told_that_one_has_arrived(staff, ann):
    page = staff(page_of(ann), rights=["view_identity", "add_photo"])
    page.set_input_files("input[type=file]", [upload("face.jpg", person_jpeg(3))])
    row = page.locator("[data-list] li")
    expect(row).to_have_text("face.jpg has arrived and is looked at next")
    assert Photo.objects.count() == 1
    assert staff.heard == []


def test_what_happens_to_each_file_is_read_out(staff, ann):
    page = staff(page_of(ann))
    expect(page.locator("[data-list]")).to_have_attribute("aria-live", "polite")


def test_a_box_in_the_picture_is_a_button(staff, ann):
    photos.add_photo(identity=ann, data=person_jpeg(5, 3))
    process_all()
    photo = Photo.objects.get()
    right = max(range(2), key=lambda i: photo.faces[i]["box"][0])
    page = staff(page_of(ann))
    page.click(f"rect[data-face='{right}']")
    page.wait_for_url(f"**#photo-{photo.pk}")
    expect(page.locator("[data-unfinished]")).to_have_count(1)
    process_all()
    expect(page.locator("[data-unfinished]")).to_have_count(0)
    assert recognise.identify(person_jpeg(3, variant=2)).faces[0].identity == ann
    assert staff.heard == []


@pytest.mark.parametrize("sure", [True, False])
def test_deleting_a_photo_asks_first(staff, ann, sure):
    photos.add_photo(identity=ann, data=person_jpeg(3))
    process_all()
    page = staff(page_of(ann))
    page.on("dialog", lambda dialog: dialog.accept() if sure else dialog.dismiss())
    page.click("[data-confirm] button")
    expect(page.locator("[data-photo]")).to_have_count(0 if sure else 1)
    assert Photo.objects.count() == (0 if sure else 1)


def test_enrolling_with_chosen_and_taken_photos(staff, db):
    page = staff("/admin/recognition/identity/add/", camera=person_jpeg(3, size=200))
    page.fill("#id_name", "Ann")
    page.set_input_files(
        "input[type=file]", [upload("face.jpg", person_jpeg(3)), upload("no.jpg", wall_jpeg())]
    )
    page.click("[data-list] li:has-text('no.jpg') button")
    page.click("[data-webcam]")
    expect(page.locator("[data-shots] li")).to_have_count(1)
    page.click("[data-use]")
    expect(page.locator("[data-list] li")).to_have_count(2)
    page.click("button[name=_save]")
    page.wait_for_url("**/change/")
    names = sorted(Photo.objects.values_list("filename", flat=True))
    assert [names[0][:7], names[1]] == ["camera-", "face.jpg"]
    assert staff.heard == []


def test_recognising_starts_as_soon_as_a_picture_is_chosen(staff, ann):
    photos.add_photo(identity=ann, data=person_jpeg(3))
    process_all()
    page = staff("/admin/recognition/decision/recognise/")
    page.set_input_files("input[type=file]", [upload("probe.jpg", person_jpeg(3, 9, variant=2))])
    expect(page.locator("#answer h2")).to_contain_text("2 faces")
    expect(page.locator("#answer rect")).to_have_count(2)
    expect(page.locator(".id-answers article").filter(has_text="1. Ann")).to_contain_text("match")
    assert staff.heard == []


def test_a_new_key_is_there_once(staff, live_server, db):
    page = staff("/admin/recognition/apikey/add/")
    page.fill("#id_name", "Front door")
    page.check("input[value=identify]")
    page.click("button[name=_save]")
    text = page.input_value("[data-secret]")
    assert keys.authenticate(text)
    # The address has changed, so that loading it again makes no second key.
    assert page.url == f"{live_server.url}/admin/recognition/apikey/"
    page.reload()
    assert text not in page.content()
    assert staff.heard == []
