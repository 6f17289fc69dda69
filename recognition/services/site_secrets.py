"""Short secrets, such as those of second factors, sealed with the key of the site."""

from __future__ import annotations

import base64

from recognition import sealing
from recognition.services.errors import Conflict
from recognition.site_keys import derived_keys


def seal_text(text: str, *, purpose: str) -> str:
    """Sealed, as text for a column."""
    return base64.b64encode(sealing.seal(text.encode(), 0, derived_keys(purpose)[0])).decode()


def open_text(sealed: str, *, purpose: str) -> str:
    """Also what a former key of the site sealed. Raises Conflict when none opens it."""
    for key in derived_keys(purpose):
        try:
            return sealing.open_with(base64.b64decode(sealed), key).decode()
        except sealing.Damaged:
            continue
    raise Conflict("site_key", "No key of this site opens this secret. Bring back the former SITE_KEY.")
