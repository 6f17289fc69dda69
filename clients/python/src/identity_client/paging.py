"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import parse_qsl, urlsplit

from identity_client.reading import read
from identity_client.transport import Call, Transport

R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


class Page(Protocol[R_co]):
    @property
    def results(self) -> Sequence[R_co]: ...

    @property
    def next(self) -> str | None: ...


P = TypeVar("P", bound=Page[Any])


class Pages(Generic[P, R]):
    """Everything that was asked for, one after the other; each page is fetched when it is needed.

    Iterating anew asks the site anew.
    """

    def __init__(self, transport: Transport, path: str, kind: type[P], query: Mapping[str, Any]) -> None:
        self._transport = transport
        self._path = path
        self._kind = kind
        self._query = query

    def __iter__(self) -> Iterator[R]:
        for page in self.pages():
            yield from page.results

    def pages(self) -> Iterator[P]:
        """Page by page, as the site answers them."""
        query: Mapping[str, Any] | None = self._query
        while query is not None:
            answer = self._transport.json(Call("GET", self._path, query=query, again=True))
            page = read(self._kind, answer, self._path)
            yield page
            # Of its address the question alone is used: the key goes nowhere else than to the site.
            query = dict(parse_qsl(urlsplit(page.next).query)) if page.next else None
