"""Who acts in a request, for the audit log; sign-ins, refused ones and refused pages are noted here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.core.internal.ratelimit import get_ip
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from accounts import services
from accounts.models import User
from recognition.services import audit


class AuditMiddleware:
    """Behind those that know the user. What the request changes is noted with its user and address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with audit.noting(
            audit.Actor(address=_address(request), find_out=lambda actor: _find_out(request, actor))
        ):
            response = self.get_response(request)
            if response.status_code == 403 and not request.path.startswith("/api/"):
                audit.record("refused.page", kind="page", number=request.path)
            return response


def _address(request: HttpRequest) -> str:
    try:
        return str(get_ip(request))
    except Exception:  # of a proxy that says nothing of use
        return ""


def _find_out(request: HttpRequest, actor: audit.Actor) -> None:
    user = request.user
    if user.is_authenticated:
        actor.who, actor.user, actor.way = user.get_username(), user.pk, _way(request)


def _way(request: HttpRequest) -> str:
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY) or ()
    return services.signed_in_how(records) or "session"


@receiver(user_logged_in)
def note_sign_in(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    audit.acting_as(who=user.get_username(), user=user.pk, way=_way(request))
    audit.record("signed_in", kind="account", number=user.pk)


@receiver(user_logged_out)
def note_sign_out(sender: Any, request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        audit.record("signed_out", kind="account", number=user.pk)


@receiver(authenticator_added)
@receiver(authenticator_removed)
@receiver(authenticator_reset)
def note_second_factor(sender: Any, signal: Any, user: User, authenticator: Any, **_: Any) -> None:
    what = {authenticator_added: "added", authenticator_removed: "removed"}.get(signal, "changed")
    audit.record(f"second_factor.{what}", kind="account", number=user.pk, type=str(authenticator.type))


@receiver(authentication_failed)
def note_wrong_code(sender: Any, user: User, **_: Any) -> None:
    audit.record("refused.second_factor", kind="account", number=user.pk)


@receiver(user_login_failed)
def note_refusal(sender: Any, credentials: dict[str, Any], **_: Any) -> None:
    """Never what was typed: people type passwords where their name belongs."""
    name = str(credentials.get("username") or credentials.get("login") or credentials.get("email") or "")
    user = User.objects.filter(username=name).first() if name and "\x00" not in name else None
    audit.record("refused.sign_in", kind="account", number=user.pk if user else "")
