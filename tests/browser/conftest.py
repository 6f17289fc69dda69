"""Chromium with a camera that plays a picture, and a running site."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from django.db import connections
from playwright.sync_api import Browser, Page, sync_playwright

from recognition.engine.images import decode
from tests.accounts.conftest import enrol, fresh_state  # noqa: F401

# Playwright keeps an event loop in this thread, so Django takes the tests for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

QUIET = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP insecure.example 127.0.0.1",
]
WIDTH, HEIGHT = 640, 480


def film(picture: bytes, path: Path) -> Path:
    """A short motion JPEG of this picture on a grey 640x480 ground, as Chromium's fake camera plays it."""
    image = decode(picture)
    scale = min(WIDTH / image.shape[1], HEIGHT / image.shape[0])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    ground = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    top, left = (HEIGHT - size[1]) // 2, (WIDTH - size[0]) // 2
    ground[top : top + size[1], left : left + size[0]] = small
    done, jpeg = cv2.imencode(".jpg", cv2.cvtColor(ground, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert done
    path.write_bytes(jpeg.tobytes() * 10)
    return path


OpenBrowser = Callable[..., Browser]


@pytest.fixture
def open_browser(chromium_path: str, tmp_path: Path) -> Iterator[OpenBrowser]:
    """Start Chromium; its camera shows the picture given, and its visitor allows it."""
    with sync_playwright() as playwright:
        browsers = []

        def open_browser(picture: bytes | None = None) -> Browser:
            arguments = [*QUIET]
            if os.geteuid() == 0:
                arguments.append("--no-sandbox")
            if picture is not None:
                path = film(picture, tmp_path / f"camera{len(browsers)}.mjpeg")
                arguments += [
                    "--use-fake-ui-for-media-stream",
                    "--use-fake-device-for-media-stream",
                    f"--use-file-for-fake-video-capture={path}",
                ]
            browser = playwright.chromium.launch(executable_path=chromium_path, args=arguments)
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
