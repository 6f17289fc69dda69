"""What goes wrong, as exceptions. All are an `IdentityError`."""

from __future__ import annotations

from typing import Any


class IdentityError(Exception):
    """Something went wrong between this program and the site."""


class ConnectionLost(IdentityError):
    """No answer came: the site is away, or it took longer than the timeout. It may have done what was asked."""


class UnexpectedAnswer(IdentityError):
    """An answer that is not the API's: another address, a proxy in between, or a site of another time."""


class ApiError(IdentityError):
    """What the site refused.

    status: of HTTP. code: stable, for programs; `CODES` has them. message: a sentence that says what to do. detail:
    more about it, by code. retry_after: seconds after which trying again can help, None where the site says none.
    """

    def __init__(
        self, status: int, code: str, message: str, detail: Any = None, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{message} ({status} {code})")
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.retry_after = retry_after


class BadRequest(ApiError):
    """A wrong or unknown field, or a body that cannot be read (400, 405, 411, 415)."""


class Unauthorized(ApiError):
    """No key, or one that is unknown or was revoked (401)."""


class Forbidden(ApiError):
    """The key lacks the scope (403)."""


class NotFound(ApiError):
    """There is no such person, photo or address (404)."""


class Conflict(ApiError):
    """The present state does not allow it (409)."""


class TooLarge(ApiError):
    """The picture or the whole request (413)."""


class Unusable(ApiError):
    """What was sent can be read but not used (422)."""


class Throttled(ApiError):
    """Too many requests (429)."""


class ServerError(ApiError):
    """The site failed (500)."""


class Unavailable(ApiError):
    """The site cannot answer now (503)."""


KINDS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: BadRequest,
    409: Conflict,
    411: BadRequest,
    413: TooLarge,
    415: BadRequest,
    422: Unusable,
    429: Throttled,
    500: ServerError,
    503: Unavailable,
}
