"""Fake networks and enrolled fake people, as for the accounts."""

from __future__ import annotations

import pytest

from recognition.services.analysis import active_model
from tests.accounts.conftest import enrol, fresh_state  # noqa: F401


@pytest.fixture
def fake_model_in_use(db, fresh_state):  # noqa: F811
    """A new site would take the strongest of the real ones."""
    active_model()
