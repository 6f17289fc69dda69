"""Tests in a browser do not leave requests behind that would run into the next test's tables."""

from __future__ import annotations

import time

import pytest

from identity_site import standing

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_request_of_a_closed_page_is_waited_for(live_server, open_browser, in_flight, monkeypatch):
    served: list[str] = []

    def slowly() -> dict[str, str]:
        served.append("begun")
        time.sleep(1.5)
        served.append("done")
        return {"database": "ok", "recognition": "ok"}

    monkeypatch.setattr(standing, "readiness", slowly)
    page = open_browser().new_page()
    page.goto(live_server.url + "/kiosk/")
    page.evaluate("() => { fetch('/readyz'); }")
    while not served:
        page.wait_for_timeout(20)
    page.context.close()
    in_flight.wait()
    assert served == ["begun", "done"]
