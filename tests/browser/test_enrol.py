"""Somebody enrols by themselves on a telephone: reads, agrees, is photographed by the station of the admin, saves."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from bench.liveness import scene
from recognition.engine.images import encode_jpeg
from recognition.models import Consent, Identity, Invitation, Photo
from recognition.services import enrolment, identities
from tests.browser.moving_camera import DEMO, subject
from tests.browser.test_access import sideways, told
from tests.browser.test_station import CAMERA, HINT, SHOTS, show
from tests.fakes import person_jpeg, wall_jpeg

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TELEPHONE = {"width": 390, "height": 780}


@pytest.fixture
def bob(transactional_db) -> Identity:
    return identities.create_identity(name="Bob")


@pytest.fixture
def visit(live_server, open_browser, complaints, bob):
    """The page of Bob's link, as a telephone shows it; ``visit.heard`` is what the browser complained about."""

    def visit(camera: bytes | None = None, **browser) -> Page:
        context = open_browser(camera).new_context(viewport=TELEPHONE, **browser)
        page = context.new_page()
        visit.heard = complaints(page)
        page.goto(f"{live_server.url}/accounts/enrol/{enrolment.invite(bob)[1]}/")
        return page

    return visit


def at_the_camera(page: Page) -> Page:
    page.check("[name=agreed]")
    page.locator("form:has([value=agree]) button").click()
    expect(page.locator("[data-webcam]")).to_be_visible()
    return page


def test_from_the_link_to_the_photos(visit, bob):
    page = at_the_camera(visit())
    page.evaluate(CAMERA)
    show(page, wall_jpeg())
    page.click("[data-webcam]")
    expect(page.locator("[data-station]")).to_be_visible()
    expect(page.locator(HINT)).to_have_text("No face is seen. Look into the camera.")
    show(page, person_jpeg(3, size=130))
    expect(page.locator(SHOTS)).to_have_count(1)
    expect(page.locator("[data-box]")).to_be_visible()
    show(page, person_jpeg(3, size=200, variant=1))
    expect(page.locator(SHOTS)).to_have_count(2)
    expect(page.locator("[data-use]")).to_have_text("Save the 2 photos")
    page.click("[data-use]")
    expect(page.locator("h1")).to_have_text("Thank you")
    assert Consent.objects.get().identity == bob
    assert list(Photo.objects.values_list("identity", "by_themselves")) == [(bob.pk, True)] * 2
    page.go_back()
    page.reload()
    expect(page.locator("h1")).to_have_text("Link not known")
    assert visit.heard == []


def test_the_cameras_own_film(visit):
    """Chromium's fake camera, and nothing put in its place."""
    page = at_the_camera(visit(person_jpeg(3, size=200)))
    page.click("[data-webcam]")
    expect(page.locator(SHOTS)).to_have_count(1)
    page.click("[data-use]")
    expect(page.locator("h1")).to_have_text("Thank you")
    assert Photo.objects.count() == 1
    assert visit.heard == []


def test_a_photo_is_removed_before_it_is_saved(visit):
    page = at_the_camera(visit(person_jpeg(3, size=200)))
    page.click("[data-webcam]")
    expect(page.locator(SHOTS)).to_have_count(1)
    page.get_by_role("button", name="Remove photo 1").click()
    assert not Photo.objects.exists()


def test_declined(visit):
    page = visit()
    page.get_by_role("button", name="No, thank you").click()
    expect(page.locator("h1")).to_have_text("That is all right")
    assert Invitation.objects.get().declined_at
    assert not Consent.objects.exists()


def test_a_file_where_there_is_no_camera(visit):
    page = at_the_camera(visit())
    page.set_input_files("#photos", {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": person_jpeg(3)})
    expect(page.locator("[data-list] li")).to_have_count(1)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("h1")).to_have_text("Thank you")


def test_a_link_that_ends_while_the_camera_is_on(visit):
    page = at_the_camera(visit(person_jpeg(3, size=200)))
    page.click("[data-webcam]")
    expect(page.locator(SHOTS)).to_have_count(1)
    enrolment.revoke_invitation(Invitation.objects.get())
    expect(page.locator(HINT)).to_contain_text("does not count any more")
    page.click("[data-use]")
    expect(page.locator("h1")).to_have_text("Link not known")
    assert not Photo.objects.exists()


@pytest.mark.parametrize("locale", ["en-GB", "vi-VN"])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_everybody_can_use_it(visit, locale, colours):
    page = visit(person_jpeg(3, size=200), locale=locale, color_scheme=colours, reduced_motion="reduce")
    for width in (320, 390, 1280):
        page.set_viewport_size({"width": width, "height": 780})
        assert (told(page), sideways(page)) == ([], 0)
    at_the_camera(page)
    assert (told(page), sideways(page)) == ([], 0)
    page.click("[data-webcam]")
    expect(page.locator(SHOTS)).to_have_count(1)
    for width in (320, 390, 1280):
        page.set_viewport_size({"width": width, "height": 780})
        assert (told(page), sideways(page)) == ([], 0)
        for place in ("[data-picture]", SHOTS, "[data-use]", HINT):
            box = page.locator(place).first.bounding_box()
            assert 0 <= box["x"] <= width - box["width"]
            assert 0 <= box["y"] <= 780 - box["height"]
    assert visit.heard == []


@pytest.mark.models
def test_a_head_that_turns(visit):
    """With the networks, in Vietnamese: four photos by themselves, then it says that it is enough."""
    who = subject(DEMO / "people" / "P001" / "1.jpg")
    ground = np.full((scene.HEIGHT, scene.WIDTH, 3), 150, np.uint8)
    page = at_the_camera(visit(locale="vi-VN"))
    page.set_viewport_size(
        {"width": 1300, "height": 900}
    )  # of this camera a telephone's screen shows the middle only
    page.evaluate(CAMERA)
    page.click("[data-webcam]")
    expect(page.locator("[data-station]")).to_be_visible()
    poses = [scene.Pose(), scene.Pose(yaw=20), scene.Pose(yaw=-20), scene.Pose(near=1.5)]
    for number, pose in enumerate(poses, 1):
        show(page, encode_jpeg(scene.view(who, pose, ground=ground)))
        expect(page.locator(SHOTS)).to_have_count(number)
    expect(page.locator(HINT)).to_contain_text("Đã đủ ảnh. Hãy lưu các ảnh này")
    page.click("[data-use]")
    expect(page.locator("h1")).to_have_text("Cảm ơn bạn")
    assert Photo.objects.count() == 4
