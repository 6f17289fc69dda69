"""The Swagger page works under the site's Content-Security-Policy."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from recognition.services import keys
from tests.browser.conftest import OpenBrowser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_tries_a_request(
    live_server: LiveServer, open_browser: OpenBrowser, complaints: Callable[[Page], list[str]]
) -> None:
    _, key = keys.issue_key(name="Door", scopes=["read"])
    page = open_browser().new_page()
    heard = complaints(page)
    page.goto(f"{live_server.url}/api/v1/docs/")
    page.get_by_role("button", name="Authorize").click()
    page.get_by_label("auth-bearer-value").fill(key)
    page.get_by_label("Apply credentials").first.click()
    page.get_by_role("button", name="Close").first.click()
    page.locator("#operations-people-people_list .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table tr.response td.response-col_status").first
    answer.wait_for()
    assert "200" in answer.inner_text()
    assert heard == []
