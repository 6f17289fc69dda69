"""What every page needs to know about the site."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from accounts import services


def site(request: HttpRequest) -> dict[str, object]:
    return {
        "face_login_enabled": services.face_login_enabled(),
        "signup_open": bool(settings.ACCOUNT_SIGNUP_OPEN),
        "pictures_kept_days": int(settings.KEEP_PROBES_DAYS),
    }
