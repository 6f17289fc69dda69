"""What holds for a session after signing in."""

from __future__ import annotations

import logging
from collections.abc import Callable

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY, get_authentication_records
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts import policies, services
from accounts.decorators import more_than_a_face

log = logging.getLogger(__name__)


class FaceSessionMiddleware:
    """Ends a session that only a face opened, once a face may not open this account any more, and asks for the password
    where the rules say that a face alone does not lead.

    Else it would outlive a suspension, and become an administrator's when the account is made one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _may_be_a_face(request) and request.user.is_authenticated:
            user = request.user
            records = get_authentication_records(request, user)
            if services.opened_by_face(records):
                if not services.face_still_opens(user):
                    log.info("a session opened by face has ended", extra={"user": user.pk})
                    logout(request)
                elif not (_is_way_out(request) or policies.face_reaches(user, request.path)):
                    return more_than_a_face(self.get_response)(request)  # type: ignore[return-value]
        return self.get_response(request)


def _is_way_out(request: HttpRequest) -> bool:
    """Where the password is asked for, and where one signs out."""
    return request.path in {reverse("account_reauthenticate"), reverse("account_logout")}


def _may_be_a_face(request: HttpRequest) -> bool:
    """Asked first, so that for sessions of a password no user is loaded that nobody needs."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    return services.opened_by_face(request.session.get(AUTHENTICATION_METHODS_SESSION_KEY) or ())
