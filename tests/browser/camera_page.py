"""The face login page, as the tests open it."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

FACE_LOGIN = "/accounts/face/"
STATUS = "#camera-status"


def camera_page(browser: Browser, url: str) -> Page:
    """The face login page with the camera running; the fake visitor has allowed it already."""
    page = browser.new_page()
    page.goto(url + FACE_LOGIN)
    expect(page.locator("#camera")).to_have_attribute("data-state", "live")
    return page
