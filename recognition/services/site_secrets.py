"""What is sealed with the key of the site: secrets of second factors, and faces that are remembered for a minute."""

from __future__ import annotations

from recognition import sealing
from recognition.services.errors import Conflict


def seal(data: bytes, *, purpose: str) -> bytes:
    return sealing.seal_for(data, purpose)


def open_sealed(sealed: bytes, *, purpose: str) -> bytes:
    """Also what a former key of the site sealed. Raises Conflict when none opens it."""
    try:
        return sealing.open_for(sealed, purpose)
    except sealing.WrongSiteKey as error:
        raise Conflict("site_key", str(error)) from None


def seal_text(text: str, *, purpose: str) -> str:
    """Sealed, as text for a column."""
    return sealing.seal_text(text, purpose)


def open_text(sealed: str, *, purpose: str) -> str:
    """As `open_sealed`."""
    try:
        return sealing.open_text(sealed, purpose)
    except sealing.WrongSiteKey as error:
        raise Conflict("site_key", str(error)) from None
