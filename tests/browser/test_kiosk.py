"""The tablet's app in Chromium with its fake camera: paired, greeting, without a connection, in two languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from recognition.engine.liveness.judging import Phase, Progress, State
from recognition.engine.liveness.plans import Step
from recognition.models import ApiKey, Attendance, Decision
from recognition.services import keys
from recognition.services.enrolment import photos
from recognition.services.identities import people
from recognition.services.liveness import challenges
from tests.browser.moving_camera import DEMO, films_of, put_before_camera, subject
from tests.fakes import person_jpeg, wall_jpeg

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CARD = ".card"
Open = Callable[..., Page]


@pytest.fixture
def door(transactional_db: None) -> ApiKey:
    return keys.add_kiosk(name="Front door", place="Main entrance")[0]


@pytest.fixture
def kiosk(live_server, open_browser, complaints, door) -> Open:
    """Opens the paired app before this picture. ``kiosk.heard``: what the browser complained about."""

    def kiosk(
        picture: bytes,
        *,
        moving: bool = True,
        query: str = "",
        before: Callable[[Page], None] = lambda page: None,
        **context: object,
    ) -> Page:
        page = (
            open_browser(picture, moving=moving)
            .new_context(viewport={"width": 1280, "height": 800}, locale="en-GB", **context)
            .new_page()
        )
        kiosk.heard = complaints(page)
        before(page)
        page.goto(f"{live_server.url}/kiosk/{query}#{keys.open_pairing(door)}")
        page.click("#pair-form button")
        expect(page.locator("body")).to_have_attribute("data-state", "live")
        return page

    return kiosk


def kept(page: Page, count: int | str) -> None:
    expect(page.locator("body")).to_have_attribute("data-kept", re.compile(str(count)))


def sent_by(page: Page) -> list[str]:
    """Addresses of the pictures that are sent from here on."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/read") else None)
    return sent


def test_a_tablet_is_paired_by_typing_the_code(live_server, open_browser, complaints, door):
    page = open_browser(wall_jpeg()).new_page()
    heard = complaints(page)
    page.goto(live_server.url + "/kiosk/")
    page.fill("#code", "ABCD-2345")
    page.click("#pair-form button")
    expect(page.locator("#pair-wrong")).to_contain_text("unknown or too old")
    code = keys.open_pairing(door)
    page.fill("#code", f"{code[:4].lower()}-{code[4:]}")
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_have_attribute("data-state", "live")
    expect(page.locator(".where")).to_have_text("Front door Main entrance")
    assert page.evaluate("document.cookie") == ""
    assert heard == []


def test_whoever_comes_is_greeted_by_name_and_recorded(kiosk, enrol, door):
    enrol(6)
    page = kiosk(person_jpeg(6, variant=7, size=200))
    assert "#" not in page.url
    card = page.locator(CARD)
    expect(card).to_contain_text("Fake Person 6!")
    expect(card).to_contain_text(re.compile(r"Checked in at \d\d:\d\d|You are checked in since \d\d:\d\d"))
    row = Attendance.objects.get()
    assert (row.identity.name, row.kind, row.api_key, row.place) == (
        "Fake Person 6",
        "in",
        door,
        "Main entrance",
    )
    expect(card).to_contain_text("You are checked in since")  # the same visit goes on
    assert Attendance.objects.count() == Decision.objects.count() == 1
    assert kiosk.heard == []


def test_several_people_have_their_names_over_their_faces(kiosk, enrol):
    enrol(6), enrol(7)
    page = kiosk(person_jpeg(6, 9, 7, size=160, variant=7))
    faces = page.locator("#faces li")
    expect(faces).to_have_count(3)
    expect(page.locator(CARD)).to_have_count(2)
    places = {face.locator("span").text_content(): face.bounding_box()["x"] for face in faces.all()}
    assert set(places) == {"Fake Person 6", "Fake Person 7", "Not recognised"}
    # As in a mirror: who is on the left of the picture stands on the right.
    assert places["Fake Person 7"] < places["Not recognised"] < places["Fake Person 6"]
    assert sorted(Attendance.objects.values_list("identity__name", flat=True)) == [
        "Fake Person 6",
        "Fake Person 7",
    ]


def test_a_stranger_is_told_what_to_do_and_named_to_nobody(kiosk, enrol):
    enrol(6)
    page = kiosk(person_jpeg(9, size=200))
    expect(page.locator("#hint")).to_contain_text("You were not recognised")
    expect(page.locator("#faces li")).to_have_attribute("data-decision", "no_match")
    assert "Fake Person" not in page.content()
    assert not Attendance.objects.exists()


def test_while_nobody_moves_nothing_is_sent_and_the_screen_rests(kiosk):
    page = kiosk(wall_jpeg(), moving=False, query="?hold=500&saver=1500")
    expect(page.locator("#saver")).to_be_visible()
    sent = sent_by(page)
    page.wait_for_timeout(1500)
    assert sent == []
    expect(page.locator("#saver-clock")).to_have_text(re.compile(r"\d\d:\d\d"))
    page.click("#saver")
    expect(page.locator("#saver")).to_be_hidden()


def test_motion_wakes_it(kiosk, enrol):
    enrol(6)
    page = kiosk(person_jpeg(6, variant=7, size=200), query="?hold=500&saver=700")
    page.wait_for_timeout(1500)
    expect(page.locator("#saver")).to_be_hidden()
    expect(page.locator(CARD)).to_contain_text("Fake Person 6")


def test_what_happens_without_a_connection_is_kept_and_counts_once_when_it_is_back(kiosk, enrol, door):
    enrol(6)
    page = kiosk(person_jpeg(6, variant=7, size=200), query="?keep=400&probe=300")
    expect(page.locator(CARD)).to_contain_text("Fake Person 6")
    Attendance.objects.all().delete()
    page.context.set_offline(True)
    expect(page.locator("#line")).to_contain_text("No connection")
    kept(page, "[1-9]")
    page.click("#keep")
    expect(page.locator(".card[data-key=kept]")).to_contain_text(
        "It is confirmed when the connection is back"
    )
    gone = timezone.now()
    page.reload()  # the app starts without a connection, and has forgotten nothing
    expect(page.locator("body")).to_have_attribute("data-state", "live")
    kept(page, "[2-9]")
    assert not Attendance.objects.exists()
    page.wait_for_timeout(1000)
    page.context.set_offline(False)
    kept(page, "^0$")
    expect(page.locator("#line")).to_be_hidden()
    row = Attendance.objects.get()
    assert abs(row.at - gone) < timedelta(seconds=20)
    assert row.created_at > row.at + timedelta(seconds=0.5)


def test_an_answer_that_got_lost_doubles_nothing(kiosk, enrol):
    enrol(6)
    numbers = []

    def lose_the_first_answer(route):
        numbers.append(re.search(rb'name="read"\r\n\r\n([0-9a-f-]+)', route.request.post_data_buffer)[1])
        if len(numbers) > 1:
            route.continue_()
        else:
            route.fetch()
            route.abort()

    page = kiosk(
        person_jpeg(6, variant=7, size=200),
        query="?probe=300",
        before=lambda page: page.route("**/kiosk/read", lose_the_first_answer),
    )
    kept(page, "[1-9]")
    kept(page, "^0$")
    assert numbers.count(numbers[0]) == 2
    assert Attendance.objects.get().read == UUID(numbers[0].decode())


def test_a_kiosk_that_was_revoked_asks_to_be_paired_and_shows_nothing(kiosk, door):
    page = kiosk(wall_jpeg())
    keys.revoke_key(door)
    expect(page.locator("#pairing")).to_be_visible()
    expect(page.locator("#where")).to_have_count(0)
    assert page.evaluate("document.getElementById('video').srcObject") is None


def test_english_and_vietnamese(kiosk):
    page = kiosk(wall_jpeg())
    page.click("#language")
    expect(page.locator("html")).to_have_attribute("lang", "vi")
    page.click("#menu-open")
    expect(page.locator("#menu h2")).to_have_text("Cài đặt")
    page.reload()
    expect(page.locator("#language")).to_have_text("English")


def test_a_vietnamese_tablet_starts_in_vietnamese(live_server, open_browser, db):
    page = open_browser().new_context(locale="vi-VN").new_page()
    page.goto(live_server.url + "/kiosk/")
    expect(page.locator("#pairing h1")).to_have_text("Ghép nối máy này")


class TestInPerson:
    """A kiosk that wants to see a living person."""

    @pytest.fixture
    def door(self, transactional_db: None) -> ApiKey:
        return keys.add_kiosk(name="Front door", direction="in", liveness="challenge")[0]

    @pytest.fixture
    def said(self, monkeypatch) -> list[Progress]:
        """What the judge says, changed by the test while it runs."""
        said = [Progress(best=0)]
        monkeypatch.setattr(challenges, "judge", lambda *_, **__: said[-1])
        return said

    def test_who_passes_is_greeted(self, kiosk, enrol, said):
        enrol(6)
        page = kiosk(person_jpeg(6, variant=7, size=200))
        sent = sent_by(page)
        page.wait_for_timeout(1000)
        assert sent == []  # nobody is recognised without being asked
        expect(page.locator("#check")).to_have_text("Check in")
        page.click("#check")
        expect(page.locator("#prompt")).to_have_text("Look straight ahead")
        said.append(Progress(phase=Phase.MOVE, asked=Step.LEFT, done=0.4, best=0))
        expect(page.locator("#prompt")).to_have_text("Turn your head to the left")
        expect(page.locator("#glow")).to_have_attribute(
            "data-colour", re.compile("red|green|blue|yellow|white")
        )
        said.append(Progress(state=State.PASSED, best=0))
        expect(page.locator(CARD)).to_contain_text("Fake Person 6")
        expect(page.locator("#prompt")).to_be_hidden()
        expect(page.locator("#glow")).to_have_attribute("data-colour", "")
        assert Attendance.objects.get().kind == "in"
        assert kiosk.heard == []

    def test_who_fails_is_told_in_the_language_of_the_tablet(self, kiosk, enrol, said):
        page = kiosk(person_jpeg(6, size=200))
        page.click("#language")
        page.click("#check")
        expect(page.locator("#prompt")).to_have_text("Nhìn thẳng về phía trước")
        said.append(Progress(state=State.FAILED, reason="flat"))
        expect(page.locator("#hint")).to_contain_text("Không thấy được là chính bạn")
        expect(page.locator("#check")).to_have_text("Vào")

    def test_it_can_be_stopped(self, kiosk, said):
        page = kiosk(person_jpeg(6, size=200))
        page.click("#check")
        expect(page.locator("#check")).to_have_text("Stop")
        page.click("#check")
        expect(page.locator("#check")).to_have_text("Check in")
        expect(page.locator("#prompt")).to_be_hidden()

    def test_without_a_connection_nothing_is_promised(self, kiosk, said):
        page = kiosk(person_jpeg(6, size=200), query="?probe=300")
        expect(page.locator("#check")).to_be_visible()
        page.context.set_offline(True)
        expect(page.locator("#line")).to_contain_text("Nobody can check in")
        expect(page.locator("#keep")).to_be_hidden()
        expect(page.locator("#check")).to_be_hidden()
        kept(page, "^0$")
        page.context.set_offline(False)
        expect(page.locator("#check")).to_be_visible()

    def test_a_kiosk_that_is_set_so_meanwhile_asks_from_then_on(self, kiosk, enrol, door, said):
        keys.change_kiosk(door, liveness="off")
        page = kiosk(person_jpeg(9, size=200))
        expect(page.locator("#check")).to_be_hidden()
        keys.change_kiosk(door, liveness="challenge")
        expect(page.locator("#check")).to_be_visible()

    @pytest.mark.models
    @pytest.mark.parametrize("printed", [False, True], ids=["a head", "a print"])
    def test_with_the_networks(self, kiosk, printed):
        identity = people.create_identity(name="Person 001", external_id="P001")
        for path in sorted((DEMO / "people" / "P001").iterdir())[:3]:
            photo = photos.add_photo(identity=identity, data=path.read_bytes(), filename=path.name)
            photos.process_photos([photo.pk])
        films = films_of(subject(DEMO / "people" / "P001" / "1.jpg"), printed=printed)
        page = kiosk(wall_jpeg(), before=lambda page: put_before_camera(page, films))
        page.set_viewport_size({"width": 800, "height": 600})
        page.click("#check")
        if printed:
            expect(page.locator("#hint")).to_contain_text("Try again", timeout=60_000)
            assert not Attendance.objects.exists()
        else:
            expect(page.locator(CARD)).to_contain_text("Person 001", timeout=60_000)
            assert Attendance.objects.get().identity == identity
