"""How a paired tablet shows its key: a cookie that no script can read and that is sent to these addresses only."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from recognition.api.authentication import shown
from recognition.models import ApiKey
from recognition.services import keys

COOKIE = "kiosk"
PATH = "/kiosk/"
DAYS = 400  # as long as browsers keep any; it is set anew at each start of the app
OWN = "X-Kiosk"  # a header that a foreign page cannot send


class DeviceAuthentication(BaseAuthentication):
    """``request.auth`` is the tablet's `ApiKey`."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey]:
        key = keys.authenticate(request.COOKIES.get(COOKIE, ""))
        if key is None:
            raise AuthenticationFailed("This tablet is not paired, or no longer.", "not_paired")
        if OWN not in request.headers:
            raise PermissionDenied("This address is for the kiosk's own page.")
        return shown(key)

    def authenticate_header(self, request: Request) -> str:
        return "Kiosk"


def hand_over(response: Response, text: str) -> None:
    """Give the tablet its key, or keep it for longer."""
    response.set_cookie(
        COOKIE,
        text,
        max_age=DAYS * 86_400,
        path=PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def take_away(response: Response) -> None:
    response.delete_cookie(COOKIE, path=PATH, samesite="Strict")
