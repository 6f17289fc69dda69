"""What is asked for between a face and the session: the password, where the rules of sign-in want it.

A second factor is asked for by a stage of allauth's own, after this one.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.decorators import login_stage_required
from allauth.account.internal.flows.login import record_authentication
from allauth.account.stages import LoginStage
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import policies, services
from accounts.forms import PasswordForm

KEY = "after_face"
PAGE = "accounts:after-face"


class AfterFaceStage(LoginStage):  # type: ignore[misc]
    key = KEY
    urlname = PAGE

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user
        records = get_authentication_records(self.request, user)
        if services.opened_by_face(records) and policies.needs_password(user):
            return HttpResponseRedirect(resolve_url(PAGE)), True
        return None, True


@login_stage_required(stage=KEY, redirect_urlname="account_login")  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "HEAD", "POST"])
def after_face(request: HttpRequest) -> HttpResponse:
    """The password of the person who was recognised. Wrong ones count as at the password page."""
    stage: AfterFaceStage = request._login_stage  # type: ignore[attr-defined]
    form = PasswordForm(request.POST or None)
    if form.is_valid() and _fits(request, stage.login.user, form):
        record_authentication(request, stage.login.user, method="password")
        response: HttpResponse = stage.exit()
        return response
    status = 400 if form.errors else 200
    return render(request, "accounts/after_face.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def lookalike(request: HttpRequest) -> HttpResponse:
    """The password of somebody whose face several people have: it says which of them it is."""
    if not services.shows_lookalikes(request):
        return HttpResponseRedirect(resolve_url("account_login"))
    form = PasswordForm(request.POST or None)
    if form.is_valid():
        try:
            return services.sign_in_lookalike(request, form.cleaned_data["password"])
        except services.FaceRefused as refusal:
            if not services.shows_lookalikes(request):
                messages.error(request, str(refusal))
                return HttpResponseRedirect(resolve_url("account_login"))
            form.add_error("password", str(refusal))
    status = 400 if form.errors else 200
    return render(request, "accounts/lookalike.html", {"form": form}, status=status)


def _fits(request: HttpRequest, user: Any, form: PasswordForm) -> bool:
    try:
        found = get_adapter().authenticate(
            request, username=user.get_username(), password=form.cleaned_data["password"]
        )
    except ValidationError as error:  # too many wrong ones
        form.add_error(None, error)
        return False
    if found is None or found.pk != user.pk:
        form.add_error("password", _("That is not the password of your account."))
        return False
    return True
