"""Chromium with a camera that plays a picture, and a running site."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

from accounts.models import User
from tests.accounts.conftest import enrol, fresh_state  # noqa: F401
from tests.browser import fake_camera

# Playwright keeps an event loop in this thread, so Django takes the tests for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
expect.set_options(timeout=30_000)  # a busy machine takes longer than the usual five seconds

OpenBrowser = Callable[..., Browser]


@pytest.fixture
def open_browser(chromium_path: str, tmp_path: Path) -> Iterator[OpenBrowser]:
    """Start Chromium; its camera shows the picture given, and its visitor allows it."""
    with sync_playwright() as playwright:
        browsers = []

        def open_browser(picture: bytes | None = None) -> Browser:
            path = None
            if picture is not None:
                path = fake_camera.film(picture, tmp_path / f"camera{len(browsers)}.mjpeg")
            browser = playwright.chromium.launch(
                executable_path=chromium_path, args=fake_camera.arguments(path)
            )
            browsers.append(browser)
            return browser

        yield open_browser
        for browser in browsers:
            browser.close()
        # Under the event loop Django keeps a second connection, which would keep the test database from going.
        connections.close_all()


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
