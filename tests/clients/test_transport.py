"""What the client does when answers are late, lost, odd or refusals. Nothing here needs the site."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from identity_client import (
    ApiError,
    ConnectionLost,
    IdentityClient,
    NotFound,
    Throttled,
    Unavailable,
    UnexpectedAnswer,
)

STATUS = {"kiosk": "Door", "scopes": ["read"], "model": "m", "detector": "d", "people": 3, "worker": True}
READ = {
    "read": "6f1c2a52-0d1f-4c8e-9f10-3a1c5d7e9b11",
    "at": "2026-11-27T08:01:12Z",
    "reason": "",
    "faces": [],
}
IDENTIFIED = {"faces": [], "timings_ms": {}}
Answer = httpx.Response | Exception


def error(status: int, code: str = "throttled", **headers: str) -> httpx.Response:
    body = {"error": {"code": code, "message": "Wait.", "detail": {"n": 1}}}
    return httpx.Response(
        status, json=body, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


class Scripted:
    """A site that gives these answers in turn, and what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = iter(answers)
        self.asked: list[httpx.Request] = []
        self.waited: list[float] = []
        self.client = IdentityClient(
            "https://x.example/", "fid_secret", http=httpx.Client(transport=self._transport())
        )
        self.client._transport.sleep = self.waited.append  # type: ignore[method-assign]

    def _transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_key_goes_into_the_header_and_nowhere_else() -> None:
    site = Scripted(httpx.Response(200, json=STATUS))
    assert site.client.status().people == 3
    (request,) = site.asked
    assert str(request.url) == "https://x.example/api/v1/status"
    assert request.headers["authorization"] == "Bearer fid_secret"
    assert "fid_secret" not in repr(vars(site.client))


AGAIN = [
    error(429, retry_after="3"),
    error(503, "overloaded", retry_after="1"),
    httpx.Response(503, text="starting"),  # of a proxy
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("late"),
    httpx.RemoteProtocolError("cut"),
]


@pytest.mark.parametrize("answer", AGAIN, ids=str)
def test_reading_is_tried_again(answer: Answer) -> None:
    site = Scripted(answer, httpx.Response(200, json=STATUS))
    assert site.client.status().kiosk == "Door"
    assert len(site.asked) == 2


@pytest.mark.parametrize("answer", AGAIN, ids=str)
def test_what_could_count_twice_is_not(answer: Answer) -> None:
    calls: list[Callable[[IdentityClient], object]] = [
        lambda client: client.identify(b"picture"),
        lambda client: client.people.create("Ada"),
        lambda client: client.people.erase("E1"),
        lambda client: client.photos.add("E1", b"picture"),
    ]
    for call in calls:
        site = Scripted(answer)
        with pytest.raises((ApiError, ConnectionLost)):
            call(site.client)
        assert (len(site.asked), site.waited) == (1, [])


def test_attendance_is_tried_again_with_the_same_number_and_picture() -> None:
    site = Scripted(httpx.ReadError("cut"), error(429), httpx.Response(200, json=READ))
    site.client.attendance.record(b"the picture")
    numbers = {request.content.split(b'name="read"')[1].split(b"\r\n")[2] for request in site.asked}
    assert len(site.asked) == 3
    assert len(numbers) == 1
    assert all(b"the picture" in request.content for request in site.asked)


def test_pauses_grow_and_follow_retry_after() -> None:
    site = Scripted(
        *[httpx.ConnectError("refused")] * 2, error(429, retry_after="7"), httpx.Response(200, json=STATUS)
    )
    site.client.status()
    first, second, third = site.waited
    assert 0 < first < second < third == 7


def test_in_the_end_the_error_is_told() -> None:
    site = Scripted(*[error(429, retry_after="2")] * 9)
    with pytest.raises(Throttled) as caught:
        site.client.status()
    told = caught.value
    assert (told.status, told.code, told.message, told.detail, told.retry_after) == (
        429,
        "throttled",
        "Wait.",
        {"n": 1},
        2.0,
    )
    assert len(site.asked) == 4


def test_nobody_waits_for_an_hour() -> None:
    site = Scripted(error(429, retry_after="3600"))
    with pytest.raises(Throttled) as caught:
        site.client.status()
    assert (caught.value.retry_after, site.waited) == (3600.0, [])


def test_a_proxy_that_says_so_in_its_own_words() -> None:
    site = Scripted(*[httpx.Response(503, text="<html>")] * 4)
    with pytest.raises(Unavailable) as caught:
        site.client.status()
    assert caught.value.code == "unavailable"


ODD = {
    "another site": httpx.Response(404, text="<html>"),
    "a gateway": httpx.Response(502, text="Bad gateway"),
    "no JSON": httpx.Response(200, text="<html>"),
    "a redirect": httpx.Response(301, headers={"location": "https://elsewhere.example/"}),
    "a field of another type": httpx.Response(200, json=STATUS | {"people": "3"}),
    "truth for a number": httpx.Response(200, json=STATUS | {"people": True}),
    "a missing field": httpx.Response(200, json={"kiosk": "Door"}),
    "a list": httpx.Response(200, json=[]),
    "an error of another form": httpx.Response(400, json={"error": "no"}),
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_answers_that_are_not_of_the_api(answer: httpx.Response) -> None:
    site = Scripted(answer)
    with pytest.raises(UnexpectedAnswer) as caught:
        site.client.status()
    assert "fid_secret" not in str(caught.value)
    assert len(site.asked) == 1


def test_what_a_newer_site_says_besides_is_passed_over() -> None:
    newer = STATUS | {"mood": "fine", "scopes": ["read", "dream"]}
    assert Scripted(httpx.Response(200, json=newer)).client.status().scopes == ("read", "dream")


def test_answers_cannot_be_changed() -> None:
    status = Scripted(httpx.Response(200, json=STATUS)).client.status()
    with pytest.raises(AttributeError):
        status.people = 4  # type: ignore[misc]


def test_the_next_page_is_asked_of_the_same_site() -> None:
    """Whatever the address in the answer says: a key is not sent to another host."""
    first = {"results": [], "next": "http://elsewhere.example/api/v1/events?before=7&page_size=1"}
    site = Scripted(httpx.Response(200, json=first), httpx.Response(200, json={"results": [], "next": None}))
    assert list(site.client.events.list()) == []
    assert str(site.asked[1].url) == "https://x.example/api/v1/events?before=7&page_size=1"


def test_a_page_that_fails_is_tried_again() -> None:
    site = Scripted(error(503, "unavailable"), httpx.Response(200, json={"results": [], "next": None}))
    assert list(site.client.events.list()) == []


def test_other_refusals_keep_their_code_even_if_unknown() -> None:
    with pytest.raises(NotFound) as caught:
        Scripted(error(404, "of_tomorrow")).client.status()
    assert caught.value.code == "of_tomorrow"
    with pytest.raises(ApiError) as other:
        Scripted(error(418, "teapot")).client.status()
    assert other.value.status == 418


def test_a_file_opened_as_text(tmp_path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("x")
    with file.open() as opened, pytest.raises(TypeError, match="rb"):
        Scripted().client.identify(opened)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in ("IDENTITY_SITE_URL", "IDENTITY_SITE_KEY"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_address_and_key_of_the_environment(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="IDENTITY_SITE_URL"):
        IdentityClient(key="fid_x")
    with pytest.raises(ValueError, match="IDENTITY_SITE_KEY"):
        IdentityClient("http://localhost")
    environment.setenv("IDENTITY_SITE_URL", "http://x.example")
    environment.setenv("IDENTITY_SITE_KEY", "fid_x\n")
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=STATUS)

    with IdentityClient(http=httpx.Client(transport=httpx.MockTransport(answer))) as site:
        site.status()
    assert (asked[0].url.host, asked[0].headers["authorization"]) == ("x.example", "Bearer fid_x")


def test_a_site_that_is_not_there() -> None:
    with (
        IdentityClient("http://127.0.0.1:9", "fid_x", tries=1) as site,
        pytest.raises(ConnectionLost, match="127"),
    ):
        site.status()
