"""Signing in through Chromium's camera, and every way in which that can go wrong in a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from accounts import services
from recognition.engine.images import decode, encode_jpeg
from recognition.models import Decision
from recognition.services.enrolment import photos
from recognition.services.identities import people
from tests.browser.camera_page import FACE_LOGIN, STATUS, camera_page
from tests.fakes import GROUND, FakeDetector, person_jpeg, person_picture, wall_jpeg

pytestmark = pytest.mark.browser

DEMO = Path(settings.BASE_DIR) / "demo"


class TestWithFakeFaces:
    def test_the_camera_signs_in(self, live_server, open_browser, complaints, enrol):
        identity = enrol(6)
        browser = open_browser(person_jpeg(6, variant=7, size=200))
        page = browser.new_page()
        heard = complaints(page)
        page.goto(f"{live_server.url}{FACE_LOGIN}?next=/accounts/password/change/")
        expect(page.locator("#camera")).to_have_attribute("data-state", "live")
        page.click("#camera-shoot")
        page.wait_for_url(live_server.url + "/accounts/password/change/")
        page.goto(live_server.url + "/accounts/profile/")
        expect(page.locator("main")).to_contain_text("with your face")
        assert Decision.objects.get().user == identity.user
        assert heard == []

    def test_the_frame_that_is_sent_is_a_small_unmirrored_jpeg(
        self, live_server, open_browser, enrol, monkeypatch
    ):
        sent = []

        def refuse(request, data, token=""):
            sent.append(data)
            raise services.FaceRefused("no_face")

        monkeypatch.setattr(services, "sign_in_by_face", refuse)
        large, small = person_picture(6, size=200), person_picture(7, size=100)
        ground = np.full((large.shape[0], small.shape[1], 3), GROUND, np.uint8)
        ground[: small.shape[0]] = small
        picture = encode_jpeg(np.hstack([large, ground]))
        page = camera_page(open_browser(picture), live_server.url)
        page.click("#camera-shoot")
        expect(page.locator(STATUS)).to_have_text(services.TEXTS["no_face"])
        assert sent[0][:3] == b"\xff\xd8\xff"
        image = decode(sent[0])
        assert max(image.shape) <= 1280
        found = FakeDetector().detect(image)
        left, right = sorted(found, key=lambda face: face.box[0])
        assert left.width > 1.5 * right.width

    def test_a_stranger_is_told_so_and_may_try_again(self, live_server, open_browser, enrol):
        enrol(7)
        page = camera_page(open_browser(person_jpeg(6, size=200)), live_server.url)
        page.click("#camera-shoot")
        expect(page.locator(STATUS)).to_have_text(services.TEXTS["not_recognised"])
        expect(page.locator("#camera")).to_have_attribute("data-state", "live")
        assert "Fake Person" not in page.content()
        enrol(6)  # from the next request on
        page.click("#camera-shoot")
        page.wait_for_url("**/accounts/profile/")

    def test_an_empty_picture(self, live_server, open_browser):
        page = camera_page(open_browser(wall_jpeg()), live_server.url)
        page.click("#camera-shoot")
        expect(page.locator(STATUS)).to_have_text(services.TEXTS["no_face"])

    def test_too_many_attempts(self, live_server, open_browser, settings):
        settings.ACCOUNT_RATE_LIMITS = {"face_login": "1/m/ip"}
        page = camera_page(open_browser(wall_jpeg()), live_server.url)
        page.click("#camera-shoot")
        expect(page.locator(STATUS)).to_have_text(services.TEXTS["no_face"])
        page.click("#camera-shoot")
        expect(page.locator(STATUS)).to_have_text(services.TEXTS["too_many_attempts"])

    def test_a_site_that_cannot_be_reached(self, live_server, open_browser):
        page = camera_page(open_browser(wall_jpeg()), live_server.url)
        page.route("**" + FACE_LOGIN, lambda route: route.abort())
        page.click("#camera-shoot")
        expect(page.locator(STATUS)).to_contain_text("cannot be reached")
        expect(page.locator("#camera")).to_have_attribute("data-state", "live")

    def test_a_page_that_is_too_old(self, live_server, open_browser):
        page = camera_page(open_browser(wall_jpeg()), live_server.url)
        page.context.clear_cookies()
        page.click("#camera-shoot")
        expect(page.locator(STATUS)).to_contain_text("too old")

    def test_without_script_a_photo_signs_in(self, live_server, open_browser, enrol):
        enrol(6)
        page = open_browser().new_context(java_script_enabled=False).new_page()
        page.goto(live_server.url + FACE_LOGIN)
        expect(page.locator("#camera")).to_be_hidden()
        for data, done in [(wall_jpeg(), False), (person_jpeg(6, variant=7), True)]:
            page.set_input_files(
                "input[type=file]", {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": data}
            )
            page.click("#face-form button")
            if not done:
                expect(page.locator("[role=alert]")).to_have_text(services.TEXTS["no_face"])
        expect(page).to_have_url(live_server.url + "/accounts/profile/")


class TestCameraTrouble:
    @pytest.mark.parametrize(
        ("error", "words"),
        [
            ("NotAllowedError", "not allowed"),
            ("NotFoundError", "No camera was found"),
            ("NotReadableError", "another program"),
        ],
    )
    def test_each_is_explained_and_the_upload_opens(self, live_server, open_browser, error, words):
        page = self.page_where(open_browser(), f"Promise.reject(new DOMException('', '{error}'))")
        page.goto(live_server.url + FACE_LOGIN)
        page.click("#camera-start")
        expect(page.locator(STATUS)).to_contain_text(words)
        expect(page.locator("input[type=file]")).to_be_visible()
        expect(page.locator("#camera-start")).to_have_text("Try again")

    def test_while_the_browser_asks_the_page_says_what_to_do(self, live_server, open_browser):
        page = self.page_where(open_browser(), "new Promise(() => {})")
        page.goto(live_server.url + FACE_LOGIN)
        page.click("#camera-start")
        expect(page.locator(STATUS)).to_contain_text("Choose “Allow”")

    def test_a_page_without_https(self, live_server, open_browser, settings):
        settings.ALLOWED_HOSTS = ["insecure.example"]
        page = open_browser().new_page()
        page.goto(f"http://insecure.example:{live_server.thread.port}{FACE_LOGIN}")
        expect(page.locator(STATUS)).to_contain_text("https")
        expect(page.locator("#camera-start")).to_be_hidden()
        expect(page.locator("input[type=file]")).to_be_visible()

    def test_a_camera_that_is_unplugged(self, live_server, open_browser):
        page = camera_page(open_browser(wall_jpeg()), live_server.url)
        track = "document.getElementById('camera-video').srcObject.getTracks()[0]"
        page.evaluate(f"{track}.dispatchEvent(new Event('ended'))")
        expect(page.locator(STATUS)).to_contain_text("has stopped")
        page.click("#camera-start")
        expect(page.locator("#camera")).to_have_attribute("data-state", "live")

    @staticmethod
    def page_where(browser: Browser, answer: str) -> Page:
        page = browser.new_page()
        page.add_init_script(f"navigator.mediaDevices.getUserMedia = () => {answer}")
        return page


def test_no_page_breaks_the_content_policy(live_server, open_browser, complaints, enrol):
    identity = enrol(6)
    page = open_browser(person_jpeg(6, size=200)).new_page()
    heard = complaints(page)
    visitor = [
        "/",
        "/accounts/login/",
        FACE_LOGIN,
        "/accounts/password/reset/",
        "/accounts/signup/",
        "/nothing/",
    ]
    for path in visitor:
        page.goto(live_server.url + path)
    page.goto(live_server.url + FACE_LOGIN)
    expect(page.locator("#camera")).to_have_attribute("data-state", "live")
    page.click("#camera-shoot")
    page.wait_for_url("**/accounts/profile/")
    page.wait_for_load_state("networkidle")
    shown = page.evaluate(
        "[...document.querySelectorAll('.photos img')].map((image) => image.naturalWidth > 0)"
    )
    assert shown == [True] * identity.photos.count()
    for path in ["/", "/accounts/password/change/", "/accounts/logout/"]:
        page.goto(live_server.url + path)
    assert heard == []


@pytest.mark.models
class TestWithRealFaces:
    """The whole way: enrolled photographs, the real networks, a photograph that was not enrolled."""

    @pytest.fixture
    def demo_people(self, transactional_db: None) -> None:
        for external_id in ("P001", "P002", "P003"):
            identity = people.create_identity(name=f"Person {external_id[1:]}", external_id=external_id)
            for path in sorted((DEMO / "people" / external_id).iterdir())[:3]:
                photo = photos.add_photo(identity=identity, data=path.read_bytes(), filename=path.name)
                photos.process_photos([photo.pk])
        assert services.ensure_demo_accounts() == ["p001", "p002", "p003"]

    def test_a_demo_person_signs_in_and_sees_the_enrolled_photos(
        self, demo_people, live_server, open_browser: Callable[..., Browser]
    ):
        page = camera_page(open_browser((DEMO / "probes" / "P001.jpg").read_bytes()), live_server.url)
        page.click("#camera-shoot")
        page.wait_for_url("**/accounts/profile/")
        expect(page.locator("h1")).to_have_text("Person 001")
        expect(page.locator(".photos img")).to_have_count(3)

    def test_a_stranger_is_refused(self, demo_people, live_server, open_browser):
        stranger = (DEMO / "probes" / "strangers" / "P021.jpg").read_bytes()
        page = camera_page(open_browser(stranger), live_server.url)
        page.click("#camera-shoot")
        expect(page.locator(STATUS)).to_have_text(services.TEXTS["not_recognised"])
