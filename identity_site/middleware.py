"""Answers that every page shares: whether the site or its Redis is alive, and which powers a page gets."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from redis.exceptions import RedisError

from identity_site import standing

logger = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]


class HealthMiddleware:
    """For load balancers, whatever host they ask for: ``/healthz`` is 200 while the database answers, ``/readyz`` while
    somebody can be recognised here."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/readyz":
            return _ready()
        if request.path != "/healthz":
            return self.get_response(request)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            logger.exception("the database does not answer")
            return JsonResponse({"status": "database unreachable"}, status=503)
        return JsonResponse({"status": "ok"})


def _ready() -> JsonResponse:
    """Without Redis kiosks go on, so that it alone does not take this process out of service."""
    found = standing.readiness()
    ready = found["database"] == found["recognition"] == "ok"
    return JsonResponse({"ready": ready, **found}, status=200 if ready else 503)


class OutageMiddleware:
    """503 in words for a page that cannot do without Redis: it counts attempts to sign in."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, RedisError):
            return None
        logger.error("Redis does not answer: %s", error)
        return render(request, "503.html", status=503)


class BrowserPolicyMiddleware:
    """Which powers a page has in the browser, that other sites may not load what is here, and that nothing is kept.

    A view that sets its own header keeps it, and static files say themselves for how long they may be kept. Django's
    SecurityMiddleware adds Referrer-Policy, Cross-Origin-Opener-Policy and X-Content-Type-Options.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.strict = _policy(settings.CONTENT_SECURITY_POLICY)
        self.admin = _policy(settings.CONTENT_SECURITY_POLICY | settings.CONTENT_SECURITY_POLICY_ADMIN)
        self.permissions = ", ".join(f"{name}={who}" for name, who in settings.PERMISSIONS_POLICY.items())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        policy = self.admin if request.path.startswith("/admin/") else self.strict
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", self.permissions)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


def _policy(directives: dict[str, list[str]]) -> str:
    return "; ".join(" ".join([name, *sources]) for name, sources in directives.items())
