"""What the face login page says of answers that are none of the site's, and when it lets the camera go."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.camera_page import FACE_LOGIN, STATUS, camera_page
from tests.fakes import black_jpeg, wall_jpeg

pytestmark = pytest.mark.browser

TRACK = "document.getElementById('camera-video').srcObject.getTracks()[0]"
HIDE = """
    Object.defineProperty(document, "hidden", { value: true });
    Object.defineProperty(document, "visibilityState", { value: "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
"""
KEEP_STREAMS = """
    const media = navigator.mediaDevices;
    const open = media.getUserMedia.bind(media);
    media.getUserMedia = async (wish) => (window.opened = await open(wish));
"""
FAILED = "The site could not answer. Try again in a moment, or sign in with your password."


@pytest.fixture
def page(live_server, open_browser) -> Page:
    return camera_page(open_browser(wall_jpeg()), live_server.url)


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "headers", "words"),
        [
            (500, {}, FAILED),
            (502, {}, FAILED),
            (404, {}, FAILED),
            (200, {}, FAILED),
            (403, {}, "This page is too old. Reload it and try again."),
            (413, {}, "The picture is too large for this site. Use a smaller photo below."),
            (429, {}, "Too many attempts. Wait a minute, or sign in with your password."),
            (429, {"Retry-After": "30"}, "Too many attempts. Wait a minute, or sign in with your password."),
            (
                429,
                {"Retry-After": "1790"},
                "Too many attempts. Wait 30 minutes, or sign in with your password.",
            ),
            (
                429,
                {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"},
                "Too many attempts. Wait a minute, or sign in with your password.",
            ),
        ],
    )
    def test_a_page_instead_of_an_answer(self, page, status, headers, words):
        html = {"content_type": "text/html", "body": "<h1>Sorry</h1>"}
        page.route("**" + FACE_LOGIN, lambda route: route.fulfill(status=status, headers=headers, **html))
        page.click("#camera-shoot")
        expect(page.locator(STATUS)).to_have_text(words)
        expect(page.locator("#camera")).to_have_attribute("data-state", "live")

    @pytest.mark.parametrize(("status", "headers"), [(503, {}), (429, {"Retry-After": "3600"})])
    def test_the_site_s_own_words_stay(self, page, status, headers):
        answer = {"code": "any", "message": "Sign in with your password."}
        page.route(
            "**" + FACE_LOGIN, lambda route: route.fulfill(status=status, headers=headers, json=answer)
        )
        page.click("#camera-shoot")
        expect(page.locator(STATUS)).to_have_text(answer["message"])
        page.wait_for_timeout(1500)
        expect(page.locator(STATUS)).to_have_text(answer["message"])

    def test_a_camera_without_a_picture(self, page):
        page.evaluate("void (HTMLCanvasElement.prototype.toBlob = (done) => done(null))")
        page.click("#camera-shoot")
        expect(page.locator(STATUS)).to_have_text(
            "The camera gave no picture. Try again, or use a photo below."
        )
        expect(page.locator("#camera")).to_have_attribute("data-state", "live")


class TestHiddenTab:
    def test_it_lets_the_camera_go(self, page):
        track = page.evaluate_handle(TRACK)
        page.evaluate(HIDE)
        expect(page.locator("#camera")).to_have_attribute("data-state", "idle")
        expect(page.locator("#camera-start")).to_be_visible()
        assert track.evaluate("(track) => track.readyState") == "ended"

    def test_also_when_the_answer_comes_later(self, page):
        track = page.evaluate_handle(TRACK)
        held = []
        page.route("**" + FACE_LOGIN, lambda route: held.append(route))
        with page.expect_request("**" + FACE_LOGIN):
            page.click("#camera-shoot")
        page.evaluate(HIDE)
        held[0].fulfill(status=400, json={"message": "Come closer to the camera."})
        expect(page.locator("#camera")).to_have_attribute("data-state", "idle")
        expect(page.locator(STATUS)).to_have_text("Come closer to the camera.")
        assert track.evaluate("(track) => track.readyState") == "ended"

    def test_a_page_opened_behind_others(self, live_server, open_browser):
        page = open_browser(wall_jpeg()).new_page()
        page.add_init_script(HIDE + KEEP_STREAMS)
        page.goto(live_server.url + FACE_LOGIN)
        page.wait_for_function("() => window.opened?.getTracks()[0].readyState === 'ended'")
        expect(page.locator("#camera")).to_have_attribute("data-state", "idle")


def test_after_three_tries_the_password_is_offered_and_leads_on(live_server, open_browser, settings):
    settings.ACCOUNT_RATE_LIMITS = {}
    page = open_browser(wall_jpeg()).new_page()
    page.goto(f"{live_server.url}{FACE_LOGIN}?next=/accounts/password/change/")
    for _ in range(3):
        expect(page.locator("#camera")).to_have_attribute("data-state", "live")
        expect(page.locator("#camera-offer")).to_be_hidden()
        with page.expect_response("**" + FACE_LOGIN):
            page.click("#camera-shoot")
    offer = page.locator("#camera-offer a")
    expect(offer).to_be_visible()
    offer.press("Enter")
    expect(page).to_have_url(f"{live_server.url}/accounts/login/?next=%2Faccounts%2Fpassword%2Fchange%2F")


def test_a_covered_camera_is_told_as_too_dark(live_server, open_browser):
    page = camera_page(open_browser(black_jpeg()), live_server.url)
    page.click("#camera-shoot")
    expect(page.locator(STATUS)).to_have_text("More light, please. Turn towards a lamp or a window.")
