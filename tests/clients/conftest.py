"""The client in front of the running test site."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from identity_client import IdentityClient

from recognition.models import ApiKey
from recognition.services import keys
from tests.accounts.conftest import enrol, fresh_state  # noqa: F401
from tests.api.conftest import process  # noqa: F401

NewSite = Callable[..., IdentityClient]
EVERYTHING = tuple(ApiKey.Scope.values)


@pytest.fixture
def new_site(live_server) -> Iterator[NewSite]:
    """The client with a key of these scopes, all where none is named; further arguments go to the key."""
    opened = []

    def new_site(*scopes: str, **options: str) -> IdentityClient:
        _, key = keys.issue_key(name="Program", scopes=scopes or EVERYTHING, **options)
        opened.append(IdentityClient(live_server.url, key, tries=1))
        return opened[-1]

    yield new_site
    for one in opened:
        one.close()


@pytest.fixture
def site(new_site: NewSite) -> IdentityClient:
    return new_site()
