"""``/metrics`` for Prometheus: what the processes of this machine counted, and how the site stands at this moment.

Nobody reads it unless METRICS_TOKEN or METRICS_NETWORKS says so. Asked for by any host name, as `/healthz` is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address

from allauth.core.internal.ratelimit import get_ip
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest

from identity_site import metrics_folder, standing
from recognition.services import metrics

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class MetricsMiddleware:
    """Answers ``/metrics``, and counts and times every other request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/metrics":
            return _refusal(request) or _page()
        start = time.perf_counter()
        response = self.get_response(request)
        area, method = _area(request), request.method if request.method in METHODS else "other"
        metrics.REQUESTS.labels(area, method, response.status_code).inc()
        metrics.REQUEST_SECONDS.labels(area).observe(time.perf_counter() - start)
        return response


def _area(request: HttpRequest) -> str:
    """Which part of the site answered; the API by its views. Never what the asker wrote: there would be no end."""
    match = request.resolver_match
    if match is None:
        return "static" if request.path.startswith(settings.STATIC_URL) else "other"
    if match.namespace == "api":
        return f"api:{match.url_name or 'other'}"
    return match.namespace or "accounts"


def _refusal(request: HttpRequest) -> HttpResponse | None:
    token, networks = settings.METRICS_TOKEN, settings.METRICS_NETWORKS
    if not token and not networks:
        return HttpResponse("Metrics are off. See METRICS_TOKEN.\n", "text/plain", 404)
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and constant_time_compare(shown, token):
        return None
    if networks and _is_within(request, networks):
        return None
    if token:
        answer = HttpResponse("Send the token: Authorization: Bearer ...\n", "text/plain", 401)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    return HttpResponse("Metrics are not for this address.\n", "text/plain", 403)


def _is_within(request: HttpRequest, networks: list[IPv4Network | IPv6Network]) -> bool:
    try:
        address = ip_address(get_ip(request))
    except Exception:  # of a proxy that says nothing of use
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)


def _page() -> HttpResponse:
    registry = CollectorRegistry()
    registry.register(_Everything())
    return HttpResponse(generate_latest(registry), CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


class _Everything:
    def collect(self) -> Iterator[Metric]:
        files = metrics_folder.files_in(settings.METRICS_DIR)
        yield from metrics.collect(files or None)
        yield from standing.gauges()
