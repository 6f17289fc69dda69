"""Users of the site."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """Somebody who signs in. A custom model from the start, because it cannot be changed to one later."""
