"""A kiosk that is a web page of another host: Chromium asks first, and obeys the answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from recognition.services import keys
from tests.fakes import person_jpeg

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ASK = """async ([address, key, picture]) => {
    const body = new Uint8Array(picture);
    const headers = {"Authorization": `Bearer ${key}`, "Content-Type": "image/jpeg"};
    try {
        const answer = await fetch(address, {method: "POST", headers, body});
        return [answer.status, (await answer.json()).faces?.length];
    } catch (error) {
        return [0, error.name];
    }
}"""


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>A kiosk</title>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The origin of another site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("named", "expected"), [(True, [200, 1]), (False, [0, "TypeError"])])
def test_a_page_of_another_host_identifies_when_it_is_named(
    named, expected, elsewhere, live_server, open_browser, enrol, settings
):
    settings.CORS_ALLOWED_ORIGINS = [elsewhere] if named else []
    enrol(1)
    _, key = keys.issue_key(name="Web kiosk", scopes=["identify"])
    page = open_browser().new_page()
    page.goto(elsewhere)
    picture = list(person_jpeg(1, variant=1))
    assert page.evaluate(ASK, [f"{live_server.url}/api/v1/identify", key, picture]) == expected
