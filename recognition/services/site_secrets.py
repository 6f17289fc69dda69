"""Short secrets, such as those of second factors, sealed with the key of the site."""

from __future__ import annotations

from recognition import sealing
from recognition.services.errors import Conflict


def seal_text(text: str, *, purpose: str) -> str:
    """Sealed, as text for a column."""
    return sealing.seal_text(text, purpose)


def open_text(sealed: str, *, purpose: str) -> str:
    """Also what a former key of the site sealed. Raises Conflict when none opens it."""
    try:
        return sealing.open_text(sealed, purpose)
    except sealing.WrongSiteKey as error:
        raise Conflict("site_key", str(error)) from None
