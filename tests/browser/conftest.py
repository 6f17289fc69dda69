"""Chromium with a camera that plays a picture, and a running site."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page, expect, sync_playwright

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
