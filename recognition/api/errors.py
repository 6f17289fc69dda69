"""Every error of the API is ``{"error": {"code", "message", "detail"?}}``.

``code`` is stable and for machines, ``message`` says in a sentence what to do next, ``detail`` is extra data.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404
from psycopg.errors import DiskFull
from rest_framework import exceptions
from rest_framework.response import Response

from recognition.engine.types import EngineError
from recognition.services import audit
from recognition.services.errors import Busy, Conflict, Invalid, NotFound, ServiceError

log = logging.getLogger(__name__)

RETRY_SECONDS = 5
BUSY_SECONDS = 1  # a turn takes a fraction of it
SERVICE_STATUS: tuple[tuple[type[ServiceError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (Invalid, 422),
)
MESSAGES = {
    "parse_error": "The body cannot be read as its Content-Type says: {detail}",
    "unsupported_media_type": "Send the body as multipart/form-data or application/json, a picture also as image/*.",
    "method_not_allowed": "This address does not support the method. The Allow header lists those that work.",
    "server_error": "The server failed. If it fails again, tell its administrator when it happened.",
    "not_found": "There is nothing at this address. See /api/v1/docs/ for those that exist.",
}


class ApiError(Exception):
    """An error that the API itself finds."""

    def __init__(self, status: int, code: str, message: str, detail: Any = None) -> None:
        self.status, self.code, self.detail = status, code, detail
        super().__init__(message)


def body(code: str, message: str, detail: Any = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": _sentence(message)}
    if detail is not None:
        error["detail"] = detail
    return {"error": error}


def _sentence(text: str) -> str:
    return text if text.endswith((".", ")")) else f"{text.rstrip()}."


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """What DRF calls for whatever a view raises."""
    response = _answer(error)
    if response.status_code in (401, 403):
        audit.record(
            "refused.api", kind="page", number=context["request"].path, code=response.data["error"]["code"]
        )
    return response


def _answer(error: Exception) -> Response:
    match error:
        case ApiError():
            return Response(body(error.code, str(error), error.detail), error.status)
        case Busy():
            return Response(body(error.code, str(error)), 503, headers={"Retry-After": str(BUSY_SECONDS)})
        case ServiceError():
            headers = {"Retry-After": str(RETRY_SECONDS)} if error.code == "busy" else None
            return Response(body(error.code, str(error)), service_status(error), headers=headers)
        case exceptions.APIException():
            return _framework(error)
        case Http404():
            return Response(body("not_found", MESSAGES["not_found"]), 404)
        case PermissionDenied():
            return Response(body("permission_denied", "This is not allowed."), 403)
        case RequestDataTooBig():
            return Response(body("too_large", "The request is too large. Send less at once."), 413)
        case SuspiciousOperation():
            return Response(body("invalid_request", "The request has too many fields or files."), 400)
        case EngineError():
            log.error("recognition is not ready: %s", error)
            return _later("not_ready", "The server is not ready to recognise. Tell its administrator.")
        case OperationalError(__cause__=DiskFull()):
            log.error("the database has no room: %s", error)
            return _later("unavailable", "The server's disk is full. Tell its administrator.")
        case OperationalError() | InterfaceError():
            log.error("the database does not answer: %s", error)
            return _later("unavailable", "The server's database does not answer. Try again in a moment.")
    log.error("the API failed", exc_info=error)
    return Response(body("server_error", MESSAGES["server_error"]), 500)


def service_status(error: ServiceError) -> int:
    if error.code == "too_large":
        return 413
    return next((status for kind, status in SERVICE_STATUS if isinstance(error, kind)), 400)


def _later(code: str, message: str) -> Response:
    return Response(body(code, message), 503, headers={"Retry-After": str(RETRY_SECONDS)})


def _framework(error: exceptions.APIException) -> Response:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if isinstance(error, exceptions.ValidationError):
        return Response(_invalid(error.detail), error.status_code)
    if isinstance(error, exceptions.Throttled):
        seconds = int(error.wait or 1)
        headers["Retry-After"] = str(seconds)
        message = f"Too many requests. Try again in {seconds} s."
        return Response(body("throttled", message), error.status_code, headers=headers)
    code = error.detail.code if isinstance(error.detail, exceptions.ErrorDetail) else error.default_code
    message = MESSAGES.get(error.default_code, "{detail}").format(detail=error.detail)
    return Response(body(code, message, getattr(error, "extra", None)), error.status_code, headers=headers)


def _invalid(detail: Any) -> dict[str, Any]:
    """The first wrong field in the message, all of them in the detail."""
    fields = detail if isinstance(detail, dict) else {"non_field_errors": detail}
    name, problem = next(iter(fields.items()))
    while isinstance(problem, dict | list):
        problem = next(iter(problem.values())) if isinstance(problem, dict) else problem[0]
    message = str(problem) if name == "non_field_errors" else f"{name}: {problem}"
    return body("invalid_request", message, fields)
