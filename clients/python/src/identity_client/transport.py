"""Requests to the site: with the key, a timeout, tries again where that is safe, and errors as exceptions."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from identity_client.errors import KINDS, ApiError, ConnectionLost, IdentityError, UnexpectedAnswer

API = "/api/v1"
WORTH_ANOTHER_TRY = (429, 503)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds
CONNECT_SECONDS = 5.0
AGENT = "identity-site-client"


@dataclass(frozen=True, slots=True)
class Call:
    """One request. again: sending it twice does no more than sending it once.

    query and fields: what is None is left out. files: with them the fields are those of a form, else JSON. timeout:
    seconds to wait for the answer, where it takes longer than others.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] | None = None
    files: Sequence[tuple[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    again: bool = False
    timeout: float | None = None


class Transport:
    """tries: how often at most a call is sent that may be sent again. sleep: waits so many seconds."""

    def __init__(self, url: str, key: str, http: httpx.Client, *, tries: int) -> None:
        self._url = url.rstrip("/").removesuffix(API) + API
        self._headers = {"Authorization": f"Bearer {key}", "User-Agent": AGENT, "Accept": "application/json"}
        self._http = http
        self.tries = tries
        self.sleep = time.sleep

    def json(self, call: Call) -> Any:
        """Raises ApiError, ConnectionLost and UnexpectedAnswer, as `send` does."""
        response = self.send(call)
        try:
            return response.json()
        except ValueError:
            raise UnexpectedAnswer(f"{call.path}: the answer is no JSON.") from None

    def send(self, call: Call) -> httpx.Response:
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._once(call)
            except IdentityError as problem:
                pause = pause_before(problem, attempt)
                if not call.again or attempt >= self.tries or pause is None:
                    raise
            self.sleep(pause)

    @contextmanager
    def lines(self, call: Call) -> Iterator[Iterator[str]]:
        """Of an answer that goes on. Raises as `send` does, also while it is read."""
        try:
            with self._http.stream(
                call.method,
                self._url + call.path,
                params=_form(call.query),
                headers={**self._headers, **call.headers},
                follow_redirects=False,
            ) as response:
                if not response.is_success:
                    response.read()
                    raise _problem(response)
                yield response.iter_lines()
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> ConnectionLost:
        return ConnectionLost(f"{self._url} did not answer: {error or type(error).__name__}.")

    def _once(self, call: Call) -> httpx.Response:
        given: dict[str, Any] = {}
        if call.files:
            for _, file in call.files:
                if hasattr(file[1], "seek"):
                    file[1].seek(0)
            given = {"files": list(call.files), "data": _form(call.fields or {})}
        elif call.fields is not None:
            given = {"json": {name: value for name, value in call.fields.items() if value is not None}}
        if call.timeout is not None:
            given["timeout"] = httpx.Timeout(call.timeout, connect=CONNECT_SECONDS)
        try:
            response = self._http.request(
                call.method,
                self._url + call.path,
                params=_form(call.query),
                headers={**self._headers, **call.headers},
                follow_redirects=False,
                **given,
            )
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise self._lost(error) from error
        if response.is_success:
            return response
        raise _problem(response)


def segment(text: str) -> str:
    """A person's ID in a path. Raises ValueError for what would lead to another address."""
    if not text.strip(".") or "/" in text:
        raise ValueError(f"{text!r} is no ID of a person.")
    return quote(text, safe="")


def _form(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers and truth as the site reads them in forms and addresses."""
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return [_text(one) for one in value]
    return str(value)


def pause_before(problem: IdentityError, attempt: int) -> float | None:
    """Seconds to wait before the next try, None where none can help."""
    backoff = FIRST_PAUSE * 2.0 ** (attempt - 1) * random.uniform(0.75, 1.25)
    if isinstance(problem, ApiError):
        if problem.status not in WORTH_ANOTHER_TRY or (problem.retry_after or 0) > LONGEST_PAUSE:
            return None
        return max(backoff, problem.retry_after or 0)
    return backoff if isinstance(problem, ConnectionLost) else None


def _problem(response: httpx.Response) -> IdentityError:
    status = response.status_code
    if response.is_redirect:
        where = response.headers.get("location", "")
        return UnexpectedAnswer(f"The site is at another address: {where}. The key was not sent there.")
    try:
        error = response.json()["error"]
        code, message, detail = str(error["code"]), str(error["message"]), error.get("detail")
    except (ValueError, TypeError, KeyError, AttributeError):
        if status not in WORTH_ANOTHER_TRY:
            return UnexpectedAnswer(f"{response.url.path}: the answer is {status} and not the API's.")
        # A proxy says so while the site starts.
        code, message, detail = "unavailable", "Something between here and the site is not ready.", None
    kind = KINDS.get(status, ApiError)
    return kind(status, code, message, detail, _seconds(response.headers.get("retry-after", "")))


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None
