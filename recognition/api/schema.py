"""How the API describes itself: the security schemes, the scopes, and the errors of each operation."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from recognition.api import errors
from recognition.api.permissions import scopes_of
from recognition.api.serializers.common import Error

# Code and message of one example for each status.
ERRORS = {
    400: (
        "The request is malformed.",
        "invalid_request",
        "top: Ensure this value is less than or equal to 20.",
    ),
    401: (
        "No key, or an unknown or revoked one.",
        "no_key",
        "Send the kiosk's key: Authorization: Bearer fid_...",
    ),
    403: ("The key lacks the scope.", "wrong_scope", "This key lacks the scope enrol."),
    404: ("There is no such person or photo.", "unknown_person", "There is no person with the ID 'E-17'."),
    409: ("Its present state does not allow this.", "id_taken", "The ID 'E-17' belongs to another person."),
    411: ("The length of the body is not known.", "length_required", "Send the body with a Content-Length."),
    413: ("The picture or the request is too large.", "too_large", "The picture is too large."),
    415: (
        "Another Content-Type is needed.",
        "unsupported_media_type",
        errors.MESSAGES["unsupported_media_type"],
    ),
    422: ("What was sent cannot be used.", "unreadable", "The file is not a picture that can be read."),
    429: ("Too many requests; Retry-After says how long to wait.", "throttled", "Too many requests."),
    500: ("The server failed.", "server_error", errors.MESSAGES["server_error"]),
    503: ("The server cannot answer now.", "not_ready", "The server is not ready to recognise."),
}
# A picture as the whole body.
BODY_IS_PICTURE = {"image/*": OpenApiTypes.BINARY, "application/octet-stream": OpenApiTypes.BINARY}
ALWAYS = (401, 403, 429, 500, 503)
BODY = (400, 411, 413, 415)

PERSON_ID = OpenApiParameter("external_id", str, OpenApiParameter.PATH, description="ID of the person.")
PHOTO_ID = OpenApiParameter(
    "photo_id", {"type": "integer", "minimum": 1}, OpenApiParameter.PATH, description="Number of the photo."
)
IMPORT_ID = OpenApiParameter(
    "import_id", {"type": "integer", "minimum": 1}, OpenApiParameter.PATH, description="Number of the import."
)


def answers(
    status: int | tuple[int, str], content: Any, *problems: int, description: str = ""
) -> dict[Any, Any]:
    """Responses of an operation: the good one, its own errors, and those that any operation can have."""
    documented = {code: _error(code) for code in sorted({*problems, *ALWAYS})}
    return {status: OpenApiResponse(content, description), **documented}


def _error(status: int) -> OpenApiResponse:
    text, code, message = ERRORS[status]
    example = OpenApiExample(code, errors.body(code, message), response_only=True, status_codes=[str(status)])
    return OpenApiResponse(Error, text, examples=[example])


class KioskSchema(AutoSchema):
    """Names the scope of each operation in its description."""

    def get_description(self) -> str:
        scopes = " or ".join(f"`{scope}`" for scope in scopes_of(self.view, self.method))
        return f"{super().get_description()}\n\nScope: {scopes or 'any'}.".strip()

    def _get_request_body(self, direction: Any = "request") -> Any:
        body = super()._get_request_body(direction)
        kinds = body["content"].keys() if body else set()
        # Of bytes, and of a form of which none of the fields is needed alone, the document would not say it.
        if BODY_IS_PICTURE.keys() & kinds or kinds == {"multipart/form-data"}:
            body["required"] = True
        return body


class InputScheme(OpenApiSerializerExtension):
    """Fields that are not described are refused."""

    target_class = "recognition.api.serializers.common.Input"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        if choices := getattr(self.target, "one_of", ()):
            schema["allOf"] = [{"oneOf": [{"required": [name]} for name in choice]} for choice in choices]
        if names := getattr(self.target, "any_of", ()):
            schema["anyOf"] = [{"required": [name]} for name in names]
        return schema | {"additionalProperties": False}


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "recognition.api.authentication.ApiKeyAuthentication"
    name = ["ApiKeyBearer", "ApiKeyHeader"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        """One or the other."""
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "The kiosk's key: `fid_...`"},
            {
                "type": "apiKey",
                "in": "header",
                "name": "X-API-Key",
                "description": "The same, for simple devices.",
            },
        ]
