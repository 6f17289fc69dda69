"""Messages that the site sends by itself, signed as by https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from identity_client.errors import IdentityError
from identity_client.reading import read

TOLERANCE = 300.0  # seconds
MARK = "whsec_"


class WebhookRefused(IdentityError):
    """Not of the site, changed on its way, or too old. Answer 400 and do nothing."""


@dataclass(frozen=True, slots=True)
class Message:
    """id: the same when it is sent again; keep those of a day to drop what comes twice."""

    id: str
    type: str
    timestamp: datetime
    data: Mapping[str, Any]


def read_webhook(
    headers: Mapping[str, str],
    body: bytes,
    secret: str,
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> Message:
    """What the site tells. headers: of the request, in any case. body: its bytes as they came, before any parsing.

    secret: as the admin showed it once (`whsec_...`). tolerance: seconds by which the message may be older or newer
    than `now` (of `time.time()`). Raises WebhookRefused, and ValueError for a secret that is none.
    """
    key = _key(secret)
    given = {name.lower(): value for name, value in headers.items()}
    try:
        number, sent, signatures = (given[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as missing:
        raise WebhookRefused(f"The header {missing.args[0]} is missing.") from None
    expected = base64.b64encode(hmac.new(key, f"{number}.{sent}.".encode() + body, hashlib.sha256).digest())
    if not any(hmac.compare_digest(one.encode(), b"v1," + expected) for one in signatures.split()):
        raise WebhookRefused("The signature is not the site's.")
    if not sent.isdigit() or abs((time.time() if now is None else now) - int(sent)) > tolerance:
        raise WebhookRefused("The message is too old, or the clock of this machine is wrong.")
    try:
        content = json.loads(body)
        return read(Message, {**content, "id": number}, "message")
    except (ValueError, TypeError):
        raise WebhookRefused("The message is no JSON object.") from None


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(MARK), validate=True)
    except binascii.Error:
        key = b""
    if not key:  # everybody could sign with an empty one
        raise ValueError("This is no secret of a webhook; it begins with whsec_.")
    return key
