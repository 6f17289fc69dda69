"""What is sealed with the key of the site: secrets of second factors, and faces that are remembered for a minute."""

from __future__ import annotations

import base64

from recognition import sealing
from recognition.services.errors import Conflict
from recognition.site_keys import derived_keys

NUMBER = 0  # in the place of the number of a person's key


def seal(data: bytes, *, purpose: str) -> bytes:
    return sealing.seal(data, NUMBER, derived_keys(purpose)[0])


def open_sealed(sealed: bytes, *, purpose: str) -> bytes:
    """Also what a former key of the site sealed. Raises Conflict when none opens it."""
    for key in derived_keys(purpose):
        try:
            return sealing.open_with(sealed, key)
        except sealing.Damaged:
            continue
    raise Conflict("site_key", "No key of this site opens this secret. Bring back the former SITE_KEY.")


def seal_text(text: str, *, purpose: str) -> str:
    """Sealed, as text for a column."""
    return base64.b64encode(seal(text.encode(), purpose=purpose)).decode()


def open_text(sealed: str, *, purpose: str) -> str:
    """As `open_sealed`."""
    return open_sealed(base64.b64decode(sealed), purpose=purpose).decode()
