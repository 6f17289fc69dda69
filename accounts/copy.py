"""One's own copy of everything that the site keeps about oneself."""

from __future__ import annotations

from typing import cast

from allauth.account.decorators import reauthentication_required
from allauth.core.internal import ratelimit
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.decorators import more_than_a_face
from recognition.models import Identity
from recognition.services import identities

ALLAUTH = "allauth.account"  # whose settings hold the rate limits


@never_cache
@login_required
@more_than_a_face
@reauthentication_required(enabled=True)  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "HEAD", "POST"])
def copy(request: HttpRequest) -> HttpResponse:
    """GET says what is in it, POST sends it.

    It holds all of one's photos, so a face alone does not open it, and neither does a screen that was left open.
    """
    identity = cast(Identity | None, getattr(request.user, "identity", None))
    if identity is None:
        raise Http404("Nobody is linked with this account.")
    if request.method != "POST":
        return render(request, "accounts/copy.html")
    if not ratelimit.consume(request, app=ALLAUTH, action="access_copy", user=request.user):
        problem = _("You had several copies in the last hour. Try again later.")
        return render(request, "accounts/copy.html", {"problem": problem}, status=429)
    file = identities.open_access_copy(identity)
    return cast(HttpResponse, FileResponse(file, as_attachment=True, filename="about-me.zip"))
