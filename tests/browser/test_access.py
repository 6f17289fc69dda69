"""Everybody can use every page: axe-core finds nothing, and nothing has to be scrolled sideways on a small telephone.

The pages are those that `tests/platform/test_every_page.py` walks, on a small telephone by day and on a very wide
screen by night; a usual screen shows no more than that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect

from recognition.services import identities
from tests.platform.test_every_page import (  # noqa: F401
    ROUTES,
    address,
    as_often_as_wanted,
    values,
    visitors,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,
    "iframes": False,
}
RUN = f"async () => (await axe.run(document, {json.dumps(RULES)})).violations"
SMALL, USUAL, WIDE = 320, 1300, 3840
# Swagger draws a main part of its own inside of ours, and React would not let it be anything else.
FOREIGN = {"landmark-main-is-top-level", "landmark-no-duplicate-main", "landmark-unique"}
PARTS = 4  # so that several processes share the walk


def told(page: Page) -> list[str]:
    """What axe finds on the page as it is now."""
    if not page.evaluate("typeof axe == 'object'"):
        page.evaluate(AXE)
    return [
        f"{found['id']}: {node['html'][:160]} {node['any'][0]['message'] if node['any'] else ''}"
        for found in page.evaluate(RUN)
        if found["id"] not in FOREIGN or "/api/" not in page.url
        for node in found["nodes"][:4]
    ]


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def who_sees(path: str, clients: dict[str, Client]) -> Iterator[str]:
    """The visitors to whom this address is a page: of people and strangers each, of staff in the admin."""
    names = ["owner"] if path.startswith("/admin/") else ["stranger", "person"]
    for name in names:
        answer = clients[name].get(path)
        if answer.streaming:
            list(answer.streaming_content)
        elif (
            answer.status_code == 200 and b"<html" in answer.content
        ):  # not a piece that a script puts into a page
            yield name


@pytest.fixture
def windows(live_server, open_browser, visitors):  # noqa: F811
    """A page for each visitor."""

    def window(name: str) -> Page:
        context = open_browser().new_context(reduced_motion="reduce")
        cookie = visitors[name].cookies.get(settings.SESSION_COOKIE_NAME)
        if cookie:
            context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
        return context.new_page()

    return {name: window(name) for name in ("stranger", "person", "owner")}


@pytest.mark.parametrize("part", range(PARTS))
def test_everybody_can_use_every_page(part, live_server, windows, values, visitors):  # noqa: F811
    identities.consent_text()
    wrong = []
    for route in ROUTES[part::PARTS]:
        path = address(route, values)
        for name in who_sees(path, visitors):
            page = windows[name]
            page.emulate_media(color_scheme="light")
            page.set_viewport_size({"width": SMALL, "height": 900})
            page.goto(live_server.url + path)
            if path == "/api/v1/docs/":
                page.locator(".opblock").first.wait_for()
            found = told(page)
            page.emulate_media(color_scheme="dark")
            if path.startswith("/admin/"):  # whose theme asks for the colours when it is loaded
                page.evaluate("document.documentElement.classList.add('dark')")
            for width in (SMALL, USUAL, WIDE):
                page.set_viewport_size({"width": width, "height": 900})
                if sideways(page) > 0:
                    found.append(f"{sideways(page)} px too wide at {width}")
            wrong += [f"{path} for the {name}: {fault}" for fault in found + told(page)]
    assert wrong == [], "\n".join(wrong)


def test_menu_and_account_are_reached_by_tab(staff):
    page = staff("/admin/")
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.getAttribute('aria-controls') || ''"))
    assert {"nav-sidebar", "account-links"} <= set(reached)
    page.locator(".id-account").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#account-links")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#account-links")).to_be_hidden()
    page.get_by_role("button", name="Menu").press("Enter")
    expect(page.locator("#nav-sidebar")).to_be_hidden()


def test_the_menu_of_a_telephone_opens_and_closes_by_keyboard(staff):
    page = staff("/admin/", width=SMALL)
    page.get_by_role("button", name="Menu").press("Enter")
    expect(page.get_by_role("button", name="Close the menu")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#nav-sidebar")).to_be_hidden()


def test_past_the_side_bar_in_one_step(staff):
    page = staff("/admin/recognition/identity/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "id-main"


def test_filters_open_by_keyboard(staff):
    page = staff("/admin/recognition/identity/")
    page.get_by_role("button", name="Filters").press("Enter")
    expect(page.locator("#changelist-filter")).to_be_visible()


def test_in_vietnamese_too(live_server, open_browser, complaints, db):
    """Longer words fit a small telephone, and the words of scripts follow the page."""
    page = open_browser().new_context(locale="vi-VN", viewport={"width": SMALL, "height": 800}).new_page()
    heard = complaints(page)
    for path in ("/", "/accounts/login/", "/accounts/password/reset/", "/accounts/face/"):
        page.goto(live_server.url + path)
        assert page.evaluate("document.documentElement.lang") == "vi"
        assert (told(page), sideways(page)) == ([], 0), path
    expect(page.locator("#camera-start")).to_have_text("Bật máy ảnh")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#camera-start")).to_have_text("Turn the camera on")
    assert page.url.endswith("/accounts/face/")
    assert heard == []
