"""Taking photos with the camera in the admin."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.fakes import wall_jpeg

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADD = "/admin/recognition/identity/add/"
TRACK = "document.querySelector('[data-video]').srcObject.getTracks()[0]"


@pytest.fixture
def page(staff) -> Page:
    """The page that enrols somebody, with the camera on."""
    page = staff(ADD, camera=wall_jpeg())
    page.click("[data-webcam]")
    expect(page.locator("[data-webcam-panel]")).to_be_visible()
    return page


def test_an_unplugged_camera_leaves_no_picture_to_take(page):
    page.evaluate(f"{TRACK}.dispatchEvent(new Event('ended'))")
    expect(page.locator("[data-webcam-panel]")).to_be_hidden()
    expect(page.locator("[data-say]")).to_have_text(
        "The camera has stopped. Connect it and take a photo again."
    )
    page.click("[data-webcam]")
    expect(page.locator("[data-webcam-panel]")).to_be_visible()
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
    expect(page.locator("[data-say]")).to_have_text("The camera gave no picture. Try again.")
    expect(page.locator("[data-list] li")).to_have_count(0)


def test_it_does_not_stay_on_in_a_hidden_tab(page):
    page.evaluate(f"void (window.track = {TRACK})")
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("[data-webcam-panel]")).to_be_hidden()
    assert page.evaluate("window.track.readyState") == "ended"


def test_nothing_is_shown_before_the_camera_plays(staff):
    page = staff(ADD, camera=wall_jpeg())
    page.evaluate("void (HTMLMediaElement.prototype.play = () => new Promise((done) => (window.go = done)))")
    page.click("[data-webcam]")
    page.wait_for_function("() => Boolean(window.go)")
    expect(page.locator("[data-webcam-panel]")).to_be_hidden()
    page.evaluate("window.go()")
    expect(page.locator("[data-webcam-panel]")).to_be_visible()


def test_the_focus_goes_into_the_panel_and_back(page):
    expect(page.locator("[data-shoot]")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[data-webcam]")).to_be_focused()


def test_the_focus_comes_back_from_a_camera_that_is_not_allowed(staff):
    page = staff(ADD)
    denied = "Promise.reject(new DOMException('', 'NotAllowedError'))"
    page.evaluate(f"void (navigator.mediaDevices.getUserMedia = () => {denied})")
    page.click("[data-webcam]")
    expect(page.locator("[data-say]")).to_contain_text("not allowed")
    expect(page.locator("[data-webcam]")).to_be_focused()
