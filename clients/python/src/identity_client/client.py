"""The client itself."""

from __future__ import annotations

import os
from types import TracebackType

import httpx

from identity_client import answers, resources
from identity_client.pictures import Picture, file_of
from identity_client.reading import read
from identity_client.transport import CONNECT_SECONDS, Call, Transport

URL, KEY = "IDENTITY_SITE_URL", "IDENTITY_SITE_KEY"


class IdentityClient:
    """One site, as a kiosk with this key may use it. May be shared by threads.

    url, key: else from the environment, IDENTITY_SITE_URL and IDENTITY_SITE_KEY. timeout: seconds to wait for an
    answer. tries: how often at most something is sent that may be sent again: what only reads, and what carries a
    number by which the site knows it. http: a client of your own, for proxies and certificates; you close it.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout: float = 30.0,
        tries: int = 4,
        http: httpx.Client | None = None,
    ) -> None:
        url, key = _given(url, URL, "the address of the site"), _given(key, KEY, "the key of a kiosk")
        limits = httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout))
        self._own = httpx.Client(timeout=limits) if http is None else None
        self._transport = Transport(url, key, http or self._own or httpx.Client(), tries=tries)
        self.people = resources.People(self._transport)
        self.photos = resources.Photos(self._transport)
        self.consent = resources.ConsentOf(self._transport)
        self.attendance = resources.Attendance(self._transport)
        self.imports = resources.Imports(self._transport)
        self.liveness = resources.Liveness(self._transport)
        self.events = resources.Events(self._transport)

    def identify(
        self, image: Picture | None = None, *, top: int = 5, liveness_token: str | None = None
    ) -> answers.IdentifyAnswer:
        """Who is in the picture (1:N). liveness_token: of a passed challenge, in place of a picture."""
        files = [] if image is None else [("image", file_of(image))]
        fields = {"top": top, "liveness_token": liveness_token}
        call = Call("POST", "/identify", fields=fields, files=files)
        return read(answers.IdentifyAnswer, self._transport.json(call))

    def verify(
        self,
        image: Picture | None = None,
        *,
        external_id: str | None = None,
        image2: Picture | None = None,
        liveness_token: str | None = None,
    ) -> answers.VerifyAnswer:
        """Is it this person, or are these two the same (1:1)."""
        pictures = {"image": image, "image2": image2}
        files = [(name, file_of(one)) for name, one in pictures.items() if one is not None]
        fields = {"external_id": external_id, "liveness_token": liveness_token}
        call = Call("POST", "/verify", fields=fields, files=files)
        return read(answers.VerifyAnswer, self._transport.json(call))

    def status(self) -> answers.Status:
        """Is the server ready, and what may this key do."""
        return read(answers.Status, self._transport.json(Call("GET", "/status", again=True)))

    def close(self) -> None:
        if self._own is not None:
            self._own.close()

    def __enter__(self) -> IdentityClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _given(value: str | None, variable: str, what: str) -> str:
    found = (value or os.environ.get(variable, "")).strip()
    if not found:
        raise ValueError(f"Say {what}, as an argument or in the environment as {variable}.")
    return found
