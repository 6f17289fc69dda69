"""Guards for views."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.authentication import get_authentication_records
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse

from accounts import services

View = Callable[..., HttpResponseBase]


def face_login_required_on(view: View) -> View:
    """404 where the site has switched face login off."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not services.face_login_enabled():
            raise Http404("face login is switched off")
        return view(request, *args, **kwargs)

    return guarded


def more_than_a_face(view: View) -> View:
    """Ask for the password first when only a face opened this session.

    Else a photo of somebody would be enough to set a password or an e-mail address, and to keep the account.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if user.is_authenticated and services.only_a_face(get_authentication_records(request, user)):
            if not user.has_usable_password():
                raise PermissionDenied("Your account has no password. An administrator can give it one.")
            return redirect_to_login(request.get_full_path(), reverse("account_reauthenticate"))
        return view(request, *args, **kwargs)

    return guarded
