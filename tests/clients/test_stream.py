"""What the client does when a stream ends, is refused or says odd things. Nothing here needs the site."""

from __future__ import annotations

import httpx
import pytest
from identity_client import ConnectionLost, Unauthorized, UnexpectedAnswer

from tests.clients.test_transport import Answer, Scripted, error


def said(text: str) -> httpx.Response:
    return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})


def block(number: int) -> str:
    return f'id: {number}\nevent: attendance.in\ndata: {{"data":{{"n":{number}}}}}\n\n'


def heard(site: Scripted, count: int) -> list[int]:
    stream = site.client.events.stream()
    return [next(stream).content["n"] for _ in range(count)]


def test_goes_on_behind_the_last_number_that_was_told() -> None:
    """Also behind one that came without a message, and not in the middle of a message that was cut off."""
    site = Scripted(
        said("retry: 2000\nid: 4\n\n:\n\n" + block(5) + block(6) + "id: 9\n\n" + block(10)[:30]),
        httpx.ReadTimeout("nothing"),
        error(503, "overloaded"),
        said(block(10)),
        said(block(11)),
    )
    assert heard(site, 4) == [5, 6, 10, 11]
    numbers = [request.headers.get("last-event-id") for request in site.asked]
    assert numbers == [None, "9", "9", "9", "10"]
    assert len(site.waited) == 4
    assert all(0 < seconds < 30 for seconds in site.waited)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(401, "invalid_key"), Unauthorized),
        (said("id: 1\nevent: attendance.in\n\n"), UnexpectedAnswer),
        (httpx.Response(302, headers={"location": "https://elsewhere.example/"}), UnexpectedAnswer),
    ],
)
def test_what_no_other_try_can_help(answer: Answer, kind: type[Exception]) -> None:
    site = Scripted(answer)
    with pytest.raises(kind):
        heard(site, 1)
    assert site.waited == []


def test_a_site_that_never_answered_is_not_asked_for_ever() -> None:
    site = Scripted(*[httpx.ConnectError("refused")] * 9)
    with pytest.raises(ConnectionLost):
        heard(site, 1)
    assert len(site.asked) == 4


def test_one_that_did_is() -> None:
    site = Scripted(said(block(1)), *[httpx.ConnectError("refused")] * 40, said(block(2)))
    assert heard(site, 2) == [1, 2]
    assert max(site.waited) <= 30
