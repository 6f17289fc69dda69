"""What services raise when a wish cannot be met. The text is meant for the person who asked."""

from __future__ import annotations


class ServiceError(Exception):
    """``code`` is stable and for machines; the text says what to do next. ``retryable``: trying again can help."""

    retryable = False

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class NotFound(ServiceError):
    """Nothing has this number or name."""


class Conflict(ServiceError):
    """It is there already, or its state does not allow this."""


class Busy(ServiceError):
    """There is more to do than can be done in time."""

    retryable = True


class Invalid(ServiceError):
    """What was handed in cannot be used."""
