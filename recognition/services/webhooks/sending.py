"""One signed message to one address: by the rules of https://www.standardwebhooks.com, or to a broker of MQTT."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import time
from dataclasses import dataclass

from recognition.services.errors import Invalid
from recognition.services.webhooks.addresses import check_address
from recognition.services.webhooks.broker import Account, publish
from recognition.services.webhooks.posting import post

MARK = "whsec_"


@dataclass(frozen=True, slots=True)
class Answer:
    """status: of HTTP, None when there was none. error: what went wrong, in words, empty when it was taken."""

    status: int | None
    error: str
    milliseconds: int


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The header ``webhook-signature``. secret: ``whsec_`` and base64."""
    key = base64.b64decode(secret.removeprefix(MARK))
    text = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def send(
    url: str,
    secret: str,
    message_id: str,
    body: bytes,
    *,
    type: str = "",
    account: Account | None = None,
) -> Answer:
    """Never raises. Redirects are not followed, and of an answer only the status is read.

    type: of the event; its parts are the last of the topic at a broker. account: at a broker.
    """
    start = time.monotonic()
    status, error = None, ""
    try:
        place, at = check_address(url), int(time.time())
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(at),
            "webhook-signature": signature(secret, message_id, at, body),
        }
        if place.broker:
            publish(place, f"{place.path}/{type.replace('.', '/')}", body, headers, account)
        else:
            status = post(place, body, headers)
            if not 200 <= status < 300:
                error = f"the answer was {status} {http.client.responses.get(status, '')}".strip()
    except Invalid as refusal:
        error = str(refusal)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        error = f"{problem.__class__.__name__}: {problem}"
    return Answer(status, error[:200], round(1000 * (time.monotonic() - start)))
