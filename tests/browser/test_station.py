"""The enrolment station: photos of one person from the camera, in the admin."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from bench.liveness import scene
from recognition.engine.images import encode_jpeg
from recognition.models import Photo
from tests.browser.moving_camera import DEMO, subject
from tests.fakes import person_jpeg, wall_jpeg

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADD = "/admin/recognition/identity/add/"
TRACK = "document.querySelector('[data-video]').srcObject.getTracks()[0]"
# A camera that shows whatever picture it is given.
CAMERA = """
(() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
  const pen = canvas.getContext("2d");
  const picture = new Image();
  window.showTo = (source) => void (picture.src = source);
  setInterval(() => {
    pen.fillStyle = "rgb(128 128 128)";
    pen.fillRect(0, 0, 640, 480);
    if (!picture.complete || !picture.width) return;
    const scale = Math.min(640 / picture.width, 480 / picture.height, 1);
    const [width, height] = [picture.width * scale, picture.height * scale];
    pen.drawImage(picture, (640 - width) / 2, (480 - height) / 2, width, height);
  }, 50);
  navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(20);
})();
"""
HINT = "[data-hint]"
SHOTS = "[data-shots] li"


def show(page: Page, picture: bytes) -> None:
    page.evaluate(
        "(source) => showTo(source)", f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
    )


def opened(page: Page) -> Page:
    page.click("[data-webcam]")
    expect(page.locator("[data-station]")).to_be_visible()
    return page


@pytest.fixture
def page(staff) -> Page:
    """The page that enrols somebody, with the camera on, before a wall."""
    return opened(staff(ADD, camera=wall_jpeg()))


@pytest.fixture
def studio(staff) -> Page:
    """The same with a camera that `show` fills."""
    page = staff(ADD)
    page.evaluate(CAMERA)
    show(page, wall_jpeg())
    return opened(page)


def test_a_varied_set_is_taken_by_itself_and_enrolled(studio, staff):
    expect(studio.locator(HINT)).to_have_text("No face is seen. Look into the camera.")
    show(studio, encode_jpeg(np.full((480, 640, 3), 5, np.uint8)))
    expect(studio.locator(HINT)).to_contain_text("too dark")
    show(studio, person_jpeg(3, 5, size=120))
    expect(studio.locator(HINT)).to_contain_text("One at a time")
    show(studio, person_jpeg(3, size=130))
    expect(studio.locator(SHOTS)).to_have_count(1)
    expect(studio.locator("[data-picture]")).to_have_attribute("data-fit", "true")
    expect(studio.locator(HINT)).to_have_text("Turn your head a little to one side.")
    show(studio, person_jpeg(3, size=200, variant=1))
    expect(studio.locator(SHOTS)).to_have_count(2)
    expect(studio.locator(f"{SHOTS} span").first).to_have_text("Very good")
    studio.click("[data-use]")
    expect(studio.locator("[data-station]")).to_be_hidden()
    expect(studio.locator("[data-list] li")).to_have_count(2)
    studio.fill("#id_name", "Ann")
    studio.click("button[name=_save]")
    studio.wait_for_url("**/change/")
    assert Photo.objects.count() == 2
    assert staff.heard == []


def test_the_face_is_outlined_where_it_is(studio):
    show(studio, person_jpeg(3, size=150))
    expect(studio.locator("[data-box]")).to_be_visible()
    box = studio.locator("[data-box]").bounding_box()
    around = studio.locator("[data-picture]").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert middle[0] == pytest.approx(around["x"] + around["width"] / 2, abs=20)
    assert middle[1] == pytest.approx(around["y"] + around["height"] / 2, abs=20)


def test_the_same_shot_is_not_taken_twice(studio):
    show(studio, person_jpeg(3, size=150))
    expect(studio.locator(SHOTS)).to_have_count(1)
    studio.click("[data-shoot]")
    expect(studio.locator(HINT)).to_contain_text("nearly the same photo")
    expect(studio.locator(SHOTS)).to_have_count(1)


def test_a_photo_that_is_not_good_says_so_before_it_is_saved(studio):
    show(studio, person_jpeg(3, size=150, blurred=True))
    expect(studio.locator(HINT)).to_have_text("Hold still.")
    studio.click("[data-shoot]")
    expect(studio.locator(".id-bad span")).to_have_text("Hold still.")


def test_everything_by_keyboard(studio):
    show(studio, person_jpeg(3, size=150, blurred=True))
    expect(studio.locator(HINT)).to_have_text("Hold still.")
    expect(studio.locator("[data-shoot]")).to_be_focused()
    studio.keyboard.press("Space")
    expect(studio.locator(SHOTS)).to_have_count(1)
    studio.get_by_role("button", name="Remove photo 1").focus()
    studio.keyboard.press("Enter")
    expect(studio.locator(SHOTS)).to_have_count(0)
    expect(studio.locator("[data-shoot]")).to_be_focused()
    studio.keyboard.press("Escape")
    expect(studio.locator("[data-station]")).to_be_hidden()
    expect(studio.locator("[data-webcam]")).to_be_focused()


@pytest.mark.parametrize("sure", [True, False])
def test_photos_are_not_discarded_without_a_question(studio, sure):
    show(studio, person_jpeg(3, size=150))
    expect(studio.locator(SHOTS)).to_have_count(1)
    studio.on("dialog", lambda dialog: dialog.accept() if sure else dialog.dismiss())
    studio.keyboard.press("Escape")
    expect(studio.locator("[data-station]")).to_be_visible(visible=not sure)
    expect(studio.locator("[data-list] li")).to_have_count(0)


@pytest.mark.parametrize("window", [(1300, 700), (390, 760), (320, 560)])
def test_picture_photos_and_buttons_are_all_in_view(studio, window):
    show(studio, person_jpeg(3, size=150))
    expect(studio.locator(SHOTS)).to_have_count(1)
    studio.set_viewport_size({"width": window[0], "height": window[1]})
    for place in ("[data-picture]", SHOTS, "[data-use]", HINT):
        box = studio.locator(place).first.bounding_box()
        assert 0 <= box["x"] <= window[0] - box["width"]
        assert 0 <= box["y"] <= window[1] - box["height"]


def test_a_site_that_cannot_be_reached_does_not_stop_it(studio):
    studio.route("**/identity/look/", lambda route: route.abort())
    expect(studio.locator(HINT)).to_contain_text("cannot be reached")
    studio.click("[data-shoot]")
    expect(studio.locator(f"{SHOTS} span")).to_have_text("Not looked at yet")


def test_photos_stay_when_the_camera_goes(studio):
    show(studio, person_jpeg(3, size=150))
    expect(studio.locator(SHOTS)).to_have_count(1)
    studio.evaluate(f"{TRACK}.dispatchEvent(new Event('ended'))")
    expect(studio.locator(HINT)).to_contain_text("has stopped")
    expect(studio.locator("[data-resume]")).to_be_focused()
    studio.keyboard.press("Enter")
    expect(studio.locator("[data-shoot]")).to_be_visible()
    expect(studio.locator(SHOTS)).to_have_count(1)


def test_an_unplugged_camera_leaves_no_picture_to_take(page):
    page.evaluate(f"{TRACK}.dispatchEvent(new Event('ended'))")
    expect(page.locator("[data-station]")).to_be_hidden()
    expect(page.locator("[data-say]")).to_have_text(
        "The camera has stopped. Connect it and take a photo again."
    )
    page.click("[data-webcam]")
    expect(page.locator("[data-station]")).to_be_visible()
    expect(page.locator("[data-say]")).to_have_text("")


@pytest.mark.parametrize(
    "trouble",
    [
        "void (HTMLCanvasElement.prototype.toBlob = (done) => done(null))",
        "Object.defineProperty(HTMLVideoElement.prototype, 'videoWidth', { value: 0 })",
    ],
)
def test_without_a_picture_no_file_is_made(page, trouble):
    page.evaluate(trouble)
    page.click("[data-shoot]")
    expect(page.locator(HINT)).to_have_text("The camera gave no picture. Try again.")
    expect(page.locator(SHOTS)).to_have_count(0)


def test_it_does_not_stay_on_in_a_hidden_tab(page):
    page.evaluate(f"void (window.track = {TRACK})")
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("[data-station]")).to_be_hidden()
    assert page.evaluate("window.track.readyState") == "ended"


def test_nothing_is_shown_before_the_camera_plays(staff):
    page = staff(ADD, camera=wall_jpeg())
    page.evaluate("void (HTMLMediaElement.prototype.play = () => new Promise((done) => (window.go = done)))")
    page.click("[data-webcam]")
    page.wait_for_function("() => Boolean(window.go)")
    expect(page.locator("[data-station]")).to_be_hidden()
    page.evaluate("window.go()")
    expect(page.locator("[data-station]")).to_be_visible()


@pytest.mark.parametrize(
    ("error", "words"), [("NotAllowedError", "not allowed"), ("NotFoundError", "No camera was found")]
)
def test_a_refused_camera_is_told_from_none(staff, error, words):
    page = staff(ADD)
    trouble = f"Promise.reject(new DOMException('', '{error}'))"
    page.evaluate(f"void (navigator.mediaDevices.getUserMedia = () => {trouble})")
    page.click("[data-webcam]")
    expect(page.locator("[data-say]")).to_contain_text(words)
    expect(page.locator("[data-webcam]")).to_be_focused()


def test_trying_a_picture_takes_one_and_looks(staff):
    page = opened(staff("/admin/recognition/decision/recognise/", camera=person_jpeg(3, size=200)))
    expect(page.locator("[data-box]")).to_be_visible()
    page.click("[data-shoot]")
    expect(page.locator("#answer h2")).to_contain_text("1 face")
    assert staff.heard == []


@pytest.mark.models
def test_a_head_that_turns_gives_a_varied_set(staff):
    """With the networks: straight, one side, the other side, another distance; then it says that it is enough."""
    who = subject(DEMO / "people" / "P001" / "1.jpg")
    ground = np.full((scene.HEIGHT, scene.WIDTH, 3), 150, np.uint8)
    page = staff(ADD)
    page.evaluate(CAMERA)
    opened(page)
    poses = [scene.Pose(), scene.Pose(yaw=20), scene.Pose(yaw=-20), scene.Pose(near=1.5)]
    for number, pose in enumerate(poses, 1):
        show(page, encode_jpeg(scene.view(who, pose, ground=ground)))
        expect(page.locator(SHOTS)).to_have_count(number)
    expect(page.locator(HINT)).to_contain_text("These are enough.")
    expect(page.locator("[data-use]")).to_be_focused()
    expect(page.locator(f"{SHOTS}.id-bad")).to_have_count(0)
    assert staff.heard == []
