"""Fake networks and enrolled fake people, as for the accounts."""

from __future__ import annotations

from tests.accounts.conftest import enrol, fresh_state  # noqa: F401
