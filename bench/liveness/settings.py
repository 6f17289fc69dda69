"""Enough of Django for the parts of the site that look at pictures; no database and no Redis is touched."""

from __future__ import annotations

SECRET_KEY = "a bench"  # noqa: S105
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "bench.liveness.bare_accounts.BareAccounts",
    "recognition",
]
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
