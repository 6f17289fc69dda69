"""The pages that describe the API, and the answer for addresses that do not exist."""

from __future__ import annotations

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny

from recognition.api import errors
from recognition.api.throttles import StrangerThrottle


class SchemaView(SpectacularAPIView):
    """The OpenAPI document. It holds no secret, so no key is needed."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (StrangerThrottle,)
    content_negotiation_class = DefaultContentNegotiation


class DocsView(SpectacularSwaggerSplitView):
    """The Swagger page. Its script is a request of its own, as the site's Content-Security-Policy wants it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (StrangerThrottle,)
    template_name = "api/docs.html"
    url_name = "api:schema"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The site's answer to a request that did not even reach a view; JSON for devices."""
    if not request.path.startswith("/api/"):
        return defaults.bad_request(request, exception)
    if isinstance(exception, DisallowedHost):
        message = "The server does not go by this name. Its administrator can add it to ALLOWED_HOSTS."
        return JsonResponse(errors.body("unknown_host", message), status=400)
    return JsonResponse(errors.body("invalid_request", "The request is malformed."), status=400)


@csrf_exempt
def unknown_address(request: HttpRequest, rest: str = "") -> JsonResponse:
    return JsonResponse(errors.body("not_found", errors.MESSAGES["not_found"]), status=404)
