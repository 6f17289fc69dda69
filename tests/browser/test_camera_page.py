"""Looking on through a camera, in Chromium."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connections
from playwright.sync_api import expect

from recognition.cameras import views
from recognition.models import Camera
from recognition.services.cameras import running, save_camera, stream, watch_all
from tests.films import frame, playing

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def worker(monkeypatch):
    monkeypatch.setattr(running, "ROWS_PAUSE", 0.2)
    monkeypatch.setattr(running, "STATE_PAUSE", 0.2)
    monkeypatch.setattr(stream, "ASK_PAUSE", 0.1)
    monkeypatch.setattr(views, "PATIENCE", 0.5)
    stop = threading.Event()

    def run() -> None:
        try:
            watch_all(stop.is_set)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    stop.set()
    thread.join(30)
    # Streams end a moment after the last picture; until then their threads keep a connection to the database.
    deadline = time.monotonic() + 30
    for _ in range(views.MOST):
        while not views._places.take():
            assert time.monotonic() < deadline, "a stream does not end"
            time.sleep(0.02)
    for _ in range(views.MOST):
        views._places.give_back()


def test_staff_see_who_is_there(staff, enrol, worker, monkeypatch):
    enrol(3)
    with playing(*[frame((3, 100 + 10 * step)) for step in range(8)]) as address:
        save_camera(Camera(name="gate", place="Main entrance", source=address))
        page = staff("/cameras/gate/")
        expect(page.locator("#figures")).to_contain_text("frames a second")
        expect(page.locator("#picture")).to_be_visible()
        expect(page.locator("#picture")).to_have_js_property("naturalWidth", 640)
        first = page.locator("#picture").get_attribute("src") or ""
        # The film goes on, and a stream that ended is opened again.
        expect(page.locator("#picture")).not_to_have_attribute("src", first)
        with monkeypatch.context() as broken, page.expect_request("**/cameras/gate/stream"):
            broken.setattr(stream.Publisher, "show", lambda *_: None)
        expect(page.locator("#picture")).to_be_visible()
        assert staff.heard == []
        Camera.objects.update(enabled=False)
        expect(page.locator("#note")).to_have_text("This camera is switched off.")
        page.close()


def test_what_nobody_watches_says_so(staff):
    save_camera(Camera(name="gate", source="0"))
    page = staff("/cameras/gate/")
    expect(page.locator("#note")).to_have_text("No worker watches this camera at present.")
    expect(page.locator("#picture")).to_be_hidden()
