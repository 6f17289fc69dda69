"""Enrolling many people in the browser: a folder, a zip, a CSV with photos."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from recognition.models import Identity, Photo
from recognition.services.enrolment import photos
from tests.fakes import person_jpeg, wall_jpeg

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MANY = "/admin/recognition/identity/enrol_many/"
FILES = {
    "all/Ann/1.jpg": person_jpeg(3),
    "all/Ann/2.jpg": person_jpeg(3, variant=1),
    "all/Ben/1.jpg": person_jpeg(5),
    "all/Ben/wall.jpg": wall_jpeg(),
    "all/notes.txt": b"hello",
    "all/top.jpg": wall_jpeg(1),
}


def process_all() -> None:
    photos.process_photos(list(Photo.objects.filter(state="waiting").values_list("pk", flat=True)))


def archive(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> dict[str, object]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return {"name": "people.zip", "mimeType": "application/zip", "buffer": buffer.getvalue()}


@pytest.fixture
def page(staff) -> Page:
    return staff(MANY)


def finish(page: Page) -> None:
    page.click("[data-go]")
    expect(page.locator("[data-count]")).to_contain_text("handed in")
    for _ in range(20):
        process_all()
        if page.locator("[data-after]").is_visible():
            return
        page.wait_for_timeout(500)
    expect(page.locator("[data-after]")).to_be_visible()


def test_a_folder_from_preview_to_results(page, staff, tmp_path: Path):
    for name, data in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    page.set_input_files("#many-folder", tmp_path / "all")
    expect(page.locator("[data-summary]")).to_have_text("2 people, 4 photos.")
    expect(page.locator("[data-people] tr").first).to_have_text("AnnAnn2new")
    expect(page.locator("[data-unused-count]")).to_have_text("1")
    assert not Identity.objects.exists()
    expect(page.locator("[data-go]")).to_be_focused()
    finish(page)
    expect(page.locator("[data-count]")).to_have_text(
        "4 of 4 photos handed in, 3 count, 0 to be reviewed, 1 not taken."
    )
    problem = page.locator("[data-problems] li")
    expect(problem).to_contain_text("No face was found.")
    expect(problem).to_contain_text("all/Ben/wall.jpg")
    with page.expect_download() as caught:
        page.click("[data-download]")
    lines = Path(caught.value.path()).read_text("utf-8-sig").splitlines()
    assert lines[0] == "person_id,name,path,result,reason"
    assert sorted(lines[1:])[0] == '"Ann","Ann","all/Ann/1.jpg","counts",""'
    assert staff.heard == []


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_zip_with_a_table(page, method):
    table = b"person_id,name,path\nP1,Ann,a/1.jpg\nP1,Ann,a/missing.jpg\n"
    page.set_input_files("#many-files", [archive({"people.csv": table, "a/1.jpg": person_jpeg(3)}, method)])
    expect(page.locator("[data-summary]")).to_have_text("1 person, 1 photo.")
    expect(page.locator("[data-missing-count]")).to_have_text("1")
    finish(page)
    assert (Identity.objects.get().name, Photo.objects.get().state) == ("Ann", "ready")


def test_handing_in_the_same_again_sends_nothing(page):
    page.set_input_files("#many-files", [archive(FILES)])
    finish(page)
    page.reload()
    sent = []
    page.on("request", lambda request: sent.append(request.url) if "/photos/" in request.url else None)
    page.set_input_files("#many-files", [archive(FILES)])
    expect(page.locator("[data-summary]")).to_contain_text("2 of them are enrolled already")
    page.click("[data-go]")
    expect(page.locator("[data-count]")).to_contain_text("4 count")
    assert sent == []
    assert Photo.objects.count() == 4


def test_a_doubtful_photo_leads_to_the_review(page):
    page.set_input_files("#many-files", [archive({"Ann/1.jpg": person_jpeg(3), "Ann/2.jpg": person_jpeg(7)})])
    finish(page)
    expect(page.locator("[data-count]")).to_contain_text("1 to be reviewed")
    expect(page.locator("[data-review]")).to_be_visible()
    expect(page.locator("[data-problems]")).to_contain_text("To be reviewed.")


def test_it_goes_on_after_a_loss_of_the_connection(page):
    page.set_input_files("#many-files", [archive({"Ann/1.jpg": person_jpeg(3)})])
    page.route("**/photos/", lambda route: route.abort(), times=1)
    page.click("[data-go]")
    expect(page.locator("[data-pause]")).to_contain_text("cannot be reached")
    expect(page.locator("[data-count]")).to_contain_text("1 of 1 photos handed in")
    process_all()
    expect(page.locator("[data-after]")).to_be_visible()


def test_it_can_be_stopped(page):
    page.set_input_files("#many-files", [archive({"Ann/1.jpg": person_jpeg(3)})])
    page.route("**/many/person/", lambda route: route.abort())
    page.click("[data-go]")
    expect(page.locator("[data-stop]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-pause]")).to_contain_text("Hand in the same again")
    expect(page.locator("[data-after]")).to_be_visible()
    assert not Photo.objects.exists()


def test_a_bomb_is_not_unpacked(page, settings):
    page.evaluate("void (document.querySelector('[data-many]').dataset.maxBytes = '100000')")
    page.set_input_files("#many-files", [archive({"Ann/1.jpg": bytes(50_000_000)})])
    finish(page)
    expect(page.locator("[data-problems]")).to_contain_text("too large")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"name": "x.zip", "mimeType": "application/zip", "buffer": b"no zip"}, "no zip file, or damaged"),
        (archive({"top.jpg": wall_jpeg()}), "Nobody is named here"),
        (archive({"a.csv": b"x", "b.csv": b"y"}), "several CSV files: a.csv, b.csv"),
        (archive({"a.csv": b"id,path\n1,a.jpg\n"}), "lacks the columns name"),
    ],
)
def test_what_cannot_be_understood_is_said(page, files, said):
    page.set_input_files("#many-files", [files])
    expect(page.locator("[data-say]")).to_contain_text(said)
    expect(page.locator("[data-preview]")).to_be_hidden()
