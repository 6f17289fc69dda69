"""What a new site needs once: an administrator, and people to try it with."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model

PROBE = "demo/probes/P001.jpg"  # of somebody who gets an account
DEMO = settings.BASE_DIR / "demo" / "data.csv"


def make_admin() -> str | None:
    """Make the superuser ``admin`` if the site has none at all; the password, which is kept nowhere."""
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists() or users.filter(username="admin").exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser("admin", password=password)
    return password


def wants_demo() -> bool:
    """Whether the demo people were never enrolled here. Who erases them does not get them back."""
    from recognition.models import Identity

    return DEMO.is_file() and not _marker().exists() and not Identity.objects.exists()


def demo_enrolled() -> None:
    """Remember that the demo people are in, and give some of them accounts."""
    from accounts.services import ensure_demo_accounts

    ensure_demo_accounts()
    _marker().touch()


def has_demo() -> bool:
    return _marker().exists()


def _marker() -> Path:
    return Path(settings.DATA_DIR) / "demo-enrolled"
