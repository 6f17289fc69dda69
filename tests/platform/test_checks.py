"""System checks: what is wrong, and which words lead out of it."""

from __future__ import annotations

from typing import Any

import pytest

from recognition import checks

STRONG = "Zk3vQ9xT1mW7rB5nY8cH2jL6pF4dS0gAaEeUuIiOoPp-_123456"


def ids(messages: list[Any]) -> list[str]:
    return [message.id for message in messages]


@pytest.mark.parametrize("key", ["short", "a" * 80, "django-insecure-" + STRONG])
def test_a_weak_key_is_an_error_in_production_only(settings: Any, key: str) -> None:
    settings.SECRET_KEY = key
    settings.HTTPS_ONLY = True
    (found,) = checks.secret_key(None)
    assert found.id == "identity.E002"
    assert "token_urlsafe" in found.hint
    settings.HTTPS_ONLY = False
    assert checks.secret_key(None) == []


def test_a_strong_key(settings: Any) -> None:
    settings.SECRET_KEY = STRONG
    settings.HTTPS_ONLY = True
    assert checks.secret_key(None) == []


@pytest.mark.parametrize(
    ("hosts", "debug", "https", "expected"),
    [
        (["localhost", "127.0.0.1"], True, False, []),
        (["localhost", "identity.example"], False, True, []),
        (["identity.example"], False, False, ["identity.W004"]),
        (["identity.example"], True, True, ["identity.W003"]),
    ],
)
def test_names_that_others_reach(
    settings: Any, hosts: list[str], debug: bool, https: bool, expected: list[str]
) -> None:
    settings.ALLOWED_HOSTS, settings.DEBUG, settings.HTTPS_ONLY = hosts, debug, https
    found = checks.public_names(None)
    assert ids(found) == expected
    assert all("identity.example" in message.msg for message in found)
