"""Staff with and without rights."""

from __future__ import annotations

from tests.admin.conftest import outsider, owner, staff  # noqa: F401
