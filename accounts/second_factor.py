"""Second factors: an app that shows codes (TOTP), passkeys, and recovery codes, by django-allauth.

Whoever has one is asked for it at every sign-in, by password or face. Staff have to have one where the site says so.
"""

from __future__ import annotations

from collections.abc import Callable

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.decorators import more_than_a_face
from recognition.services import site_secrets

PURPOSE = "second factors"
DEMAND = _(
    "Set up a second factor first: an app that shows codes, or a passkey. The administration opens then."
)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of second factors are sealed with the key of the site."""

    def encrypt(self, text: str) -> str:
        return site_secrets.seal_text(text, purpose=PURPOSE)

    def decrypt(self, encrypted_text: str) -> str:
        return site_secrets.open_text(encrypted_text, purpose=PURPOSE)


class SecondFactorMiddleware:
    """Sends staff without a second factor from the admin to where they set one up, and lets nobody whom only a face
    signed in change second factors."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.STAFF_SECOND_FACTOR and request.path.startswith(reverse("admin:index")):
            user = request.user
            if user.is_authenticated and user.is_staff and not is_mfa_enabled(user):
                messages.warning(request, DEMAND)
                return HttpResponseRedirect(reverse("mfa_index"))
        if request.path.startswith(reverse("mfa_index")):
            return more_than_a_face(self.get_response)(request)  # type: ignore[return-value]
        return self.get_response(request)
