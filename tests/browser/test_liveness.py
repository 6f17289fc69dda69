"""Signing in by face where a living person is demanded: the page, the camera and the networks together."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from accounts import services
from recognition.engine.liveness.judging import FAILURES, Phase, Progress, State
from recognition.engine.liveness.plans import Step
from recognition.models import Decision
from recognition.services.enrolment import photos
from recognition.services.identities import people
from recognition.services.liveness import challenges
from tests.browser.camera_page import STATUS, camera_page
from tests.browser.moving_camera import DEMO, films_of, open_page, subject
from tests.fakes import black_jpeg, person_jpeg

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def demanded(settings) -> None:
    settings.LIVENESS = "challenge"


@pytest.mark.models
class TestWithTheNetworks:
    @pytest.fixture
    def demo_person(self, transactional_db: None) -> None:
        identity = people.create_identity(name="Person 001", external_id="P001")
        for path in sorted((DEMO / "people" / "P001").iterdir())[:3]:
            photo = photos.add_photo(identity=identity, data=path.read_bytes(), filename=path.name)
            photos.process_photos([photo.pk])
        services.ensure_demo_accounts()

    def test_who_moves_as_asked_is_signed_in(self, demo_person, live_server, open_browser, complaints):
        page = open_page(
            open_browser(), live_server.url, films_of(subject(DEMO / "people" / "P001" / "1.jpg"))
        )
        heard = complaints(page)
        page.click("#camera-shoot")
        page.wait_for_url("**/accounts/profile/", timeout=60_000)
        expect(page.locator("h1")).to_have_text("Person 001")
        decision = Decision.objects.get()
        assert decision.user is not None
        assert decision.liveness["state"] == "passed"
        assert heard == []

    def test_a_print_is_refused(self, demo_person, live_server, open_browser):
        films = films_of(subject(DEMO / "people" / "P001" / "1.jpg"), printed=True)
        page = open_page(open_browser(), live_server.url, films)
        page.click("#camera-shoot")
        expect(page.locator(STATUS)).to_have_attribute("data-kind", "error", timeout=60_000)
        assert page.locator(STATUS).text_content() in FAILURES.values()
        decision = Decision.objects.get()
        assert (decision.outcome, decision.reason, decision.identity) == ("rejected", "not_live", None)


def test_a_covered_camera_is_told_as_too_dark_while_it_looks(live_server, open_browser):
    page = camera_page(open_browser(black_jpeg()), live_server.url)
    page.click("#camera-shoot")
    expect(page.locator(STATUS)).to_have_text("More light, please")


class TestThePage:
    @pytest.fixture
    def said(self, monkeypatch) -> list[Progress]:
        """What the judge says, changed by the test while it runs."""
        said = [Progress()]
        monkeypatch.setattr(challenges, "judge", lambda *_, **__: said[-1])
        return said

    @pytest.fixture
    def page(self, live_server, open_browser, enrol, said):
        enrol(6)
        page = camera_page(open_browser(person_jpeg(6, size=200)), live_server.url)
        page.click("#camera-shoot")
        expect(page.locator("#camera")).to_have_attribute("data-state", "checking")
        return page

    def test_the_words_stand_over_the_picture_and_are_read(self, page, said):
        expect(page.locator("#camera-prompt span")).to_have_text("Look straight ahead")
        said.append(Progress(phase=Phase.MOVE, asked=Step.LEFT, done=0.4))
        expect(page.locator("#camera-prompt span")).to_have_text("Turn your head to the left")
        expect(page.locator("#camera-prompt")).to_have_attribute("data-step", "left")
        expect(page.locator(STATUS)).to_have_text("Turn your head to the left")
        assert page.locator(STATUS).get_attribute("aria-live") == "polite"
        said.append(Progress(phase=Phase.SETTLE, hint="too_dark"))
        expect(page.locator(STATUS)).to_have_text("More light, please")

    def test_who_passes_is_signed_in_by_the_frame_of_the_challenge(self, page, said):
        said.append(Progress(state=State.PASSED, best=0))
        page.wait_for_url("**/accounts/profile/")
        assert Decision.objects.get().liveness["mode"] == "challenge"

    def test_who_fails_is_told_and_may_try_again(self, page, said):
        said.append(Progress(state=State.FAILED, reason="not_done"))
        expect(page.locator(STATUS)).to_have_text(FAILURES["not_done"])
        expect(page.locator("#camera")).to_have_attribute("data-state", "live")
        expect(page.locator("#camera-shoot")).to_have_text("Sign in")

    def test_it_can_be_stopped(self, page, said):
        page.locator("#camera-shoot").press("Enter")
        expect(page.locator("#camera")).to_have_attribute("data-state", "live")

    def test_the_page_shines_in_colours_and_stops(self, page, said):
        expect(page.locator("#camera-glow")).to_have_attribute(
            "data-colour", re.compile("red|green|blue|yellow|white")
        )
        page.locator("#camera-shoot").press("Enter")
        expect(page.locator("#camera-glow")).to_have_attribute("data-colour", "")

    def test_no_file_can_be_chosen(self, page, said):
        expect(page.locator("input[type=file]")).to_have_count(0)

    def test_the_steps_are_spoken_if_wanted(self, page, said):
        page.evaluate(
            "() => { speechSynthesis.speak = (words) => (document.body.dataset.spoken = words.text); }"
        )
        page.check("#camera-speak")
        said.append(Progress(phase=Phase.MOVE, asked=Step.UP))
        expect(page.locator("body")).to_have_attribute("data-spoken", "Lift your chin and look up")

    def test_the_password_is_a_way_around(self, page, said):
        expect(page.get_by_role("link", name="Sign in with your password").first).to_be_visible()
