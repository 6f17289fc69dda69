"""Fixtures and rules for all tests. The servers are real; see `tests.settings`."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError
from django.db import connection
from django.test import TransactionTestCase
from django.utils import translation

from tests import chromium


def pytest_configure(config: pytest.Config) -> None:
    # Ended from outside, pytest would leave the servers running and the thrown-away folder lying.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str) -> None:
    """A test that hangs ends its process; where several share the tests, that ends the whole run all the same."""
    pytest.exit(f"The process of the tests ended, or hung and was ended, in {crashitem}", returncode=1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if chromium.find() is None:
        skip = pytest.mark.skip(reason="Chromium is not installed (Debian: apt-get install chromium)")
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(skip)


def empty_the_tables(self: TransactionTestCase, times: int = 5) -> None:
    """A page of the test before may still be served; what it notes can lock the tables the other way round."""
    for left in range(times - 1, -1, -1):
        try:
            FIXTURE_TEARDOWN(self)
            break
        except CommandError:
            if not left:
                raise
            time.sleep(0.5)


FIXTURE_TEARDOWN = TransactionTestCase._fixture_teardown
TransactionTestCase._fixture_teardown = empty_the_tables


@pytest.fixture(autouse=True)
def language_of_the_site() -> Iterator[None]:
    """A request leaves the language that it asked for to its thread, and that is the next test's, too."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Tests empty all tables after themselves, which a site's database does not allow for the audit log."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table in ("auditentry", "auditlink"):
            cursor.execute(f"DROP TRIGGER audit_kept ON recognition_{table}")


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """No test counts against the rate limits of another."""
    cache.clear()
