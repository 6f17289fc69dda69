"""Chromium with a camera that plays a picture, and a running site."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.signals import request_finished, request_started
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from accounts.models import User
from tests import chromium
from tests.accounts.conftest import enrol, fresh_state  # noqa: F401
from tests.browser import fake_camera

# Playwright keeps an event loop in this thread, so Django takes the tests for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
expect.set_options(timeout=30_000)  # a busy machine takes longer than the usual five seconds

OpenBrowser = Callable[..., Browser]


class Browsers:
    """Chromium without a camera and with one, started when first wanted; tests use them in turn."""

    def __init__(self, playwright: Playwright, film: Path) -> None:
        self._playwright = playwright
        self._film = film
        self._started: dict[bool, Browser] = {}

    def open(self, picture: bytes | None = None, *, moving: bool = False) -> Browser:
        """With a picture: its camera shows that from the next page on, and its visitor allows it."""
        if picture is not None:
            fake_camera.film(picture, self._film, moving=moving)
        with_camera = picture is not None
        browser = self._started.get(with_camera)
        if browser is None or not browser.is_connected():
            arguments = fake_camera.arguments(self._film if with_camera else None)
            browser = self._playwright.chromium.launch(executable_path=chromium.find(), args=arguments)
            self._started[with_camera] = browser
        return browser

    def close_pages(self) -> None:
        """With them go cookies and everything else that a visitor leaves."""
        for browser in self._started.values():
            for context in browser.contexts:
                context.close()

    def close(self) -> None:
        for browser in self._started.values():
            browser.close()


class InFlight:
    """Requests that the site is serving to browsers at this moment."""

    def __init__(self) -> None:
        self._threads: Counter[int] = Counter()
        request_started.connect(self._one_more)
        request_finished.connect(self._one_less)

    def _one_more(self, **_: object) -> None:
        self._threads[threading.get_ident()] += 1

    def _one_less(self, **_: object) -> None:
        self._threads[threading.get_ident()] -= 1

    def wait(self, seconds: float = 15.0, *, calm: float = 0.1) -> None:
        """Until nothing has been served for this long: a request may be on its way from a page that is closed."""
        own, until, quiet_since = threading.get_ident(), time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < until and time.monotonic() - quiet_since < calm:
            if any(n > 0 for thread, n in list(self._threads.items()) if thread != own):
                quiet_since = time.monotonic()
            time.sleep(0.01)
        self._threads.clear()


@pytest.fixture(scope="package")
def in_flight() -> InFlight:
    return InFlight()


@pytest.fixture(scope="package")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsers]:
    with sync_playwright() as playwright:
        browsers = Browsers(playwright, tmp_path_factory.mktemp("camera") / "film.mjpeg")
        yield browsers
        browsers.close()
        # Under the event loop Django keeps a second connection, which would keep the test database from going.
        connections.close_all()


@pytest.fixture
def open_browser(browsers: Browsers, in_flight: InFlight) -> Iterator[OpenBrowser]:
    """Opens Chromium as no test has used it; its camera shows the picture given, and its visitor allows it."""
    yield browsers.open
    browsers.close_pages()
    # What is still being served would find the next test's tables, and the real networks in between.
    in_flight.wait()


@pytest.fixture
def complaints() -> Callable[[Page], list[str]]:
    """What the console complains of on this page: script errors and breaches of the content policy."""

    def watch(page: Page) -> list[str]:
        heard: list[str] = []
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on(
            "console",
            lambda message: (
                heard.append(message.text)
                if message.type == "error" and "Failed to load resource" not in message.text
                else None
            ),
        )
        return heard

    return watch


@pytest.fixture
def staff(live_server, open_browser, complaints):
    """Opens pages of the admin as a superuser, or as staff with these rights only.

    ``staff.heard`` is what the browser complained about.
    """

    def staff(
        path: str,
        camera: bytes | None = None,
        *,
        rights: list[str] | None = None,
        width: int = 1300,
        colours: str = "light",
    ) -> Page:
        user = User.objects.create_user("owner", is_staff=True, is_superuser=rights is None)
        user.user_permissions.set(Permission.objects.filter(codename__in=rights or []))
        client = Client()
        client.force_login(user)
        context = open_browser(camera).new_context(
            viewport={"width": width, "height": 900}, color_scheme=colours
        )
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        page = context.new_page()
        staff.heard = complaints(page)
        page.goto(live_server.url + path)
        return page

    return staff
