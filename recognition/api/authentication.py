"""Kiosks show their API key with each request; nobody signs in to the API with a session."""

from __future__ import annotations

import re

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, Throttled
from rest_framework.request import Request

from recognition.api.throttles import StrangerThrottle
from recognition.models import ApiKey
from recognition.services import audit, keys

LOOKS_LIKE_A_KEY = re.compile(rf"{keys.MARK}_[0-9a-f]{{8}}_[A-Za-z0-9_-]{{43}}")


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer fid_...``, or ``X-API-Key: fid_...`` where a device cannot set the former.

    ``request.auth`` is then the `ApiKey`. Whoever shows no valid key is counted by address. A valid key is
    never refused for what others at its address do: with 256 random bits it is not found by trying.
    """

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey]:
        text = self._text(request)
        key = keys.authenticate(text) if LOOKS_LIKE_A_KEY.fullmatch(text) else None
        if key is not None:
            return shown(key)
        strangers = StrangerThrottle()
        if not strangers.allow_request(request, None):
            raise Throttled(strangers.wait())
        if not text:
            raise NotAuthenticated("Send the kiosk's key: Authorization: Bearer fid_...", "no_key")
        raise AuthenticationFailed("This key is unknown or was revoked. Ask for a new one.", "invalid_key")

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="identity"'

    @staticmethod
    def _text(request: Request) -> str:
        header = request.headers.get("Authorization")
        if header is None:
            return str(request.headers.get("X-API-Key", "")).strip()
        scheme, _, text = header.strip().partition(" ")
        return text.strip() if scheme.lower() == "bearer" else ""


def shown(key: ApiKey) -> tuple[AnonymousUser, ApiKey]:
    """What a device that has shown this key is from here on, in the audit log as well."""
    audit.acting_as(who=f"kiosk {key.name}", key=key.pk, way="key")
    return AnonymousUser(), key
