"""Signatures as the site makes them, and everything else refused."""

from __future__ import annotations

import base64
import json
import time

import pytest
from identity_client import WebhookRefused, read_webhook

from recognition.services.webhooks.sending import signature

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ...").decode()
BODY = json.dumps(
    {"type": "attendance.in", "timestamp": "2026-11-27T08:01:12.345678+00:00", "data": {"attendance": 912}}
).encode()
NOW = 1_790_000_000


def headers(body: bytes = BODY, *, secret: str = SECRET, number: str = "17", at: int = NOW) -> dict[str, str]:
    signed = signature(secret, number, at, body)
    return {"Webhook-Id": number, "Webhook-Timestamp": str(at), "Webhook-Signature": signed}


def test_a_genuine_message() -> None:
    message = read_webhook(headers(), BODY, SECRET, now=NOW + 20)
    assert (message.id, message.type, message.data) == ("17", "attendance.in", {"attendance": 912})
    assert message.timestamp.isoformat() == "2026-11-27T08:01:12.345678+00:00"
    assert read_webhook(headers(at=int(time.time())), BODY, SECRET)


def test_one_of_several_signatures_is_enough() -> None:
    given = headers()
    given["Webhook-Signature"] = f"v1,AAAA v1a,xyz {given['Webhook-Signature']}"
    assert read_webhook(given, BODY, SECRET, now=NOW)


@pytest.mark.parametrize(
    ("given", "body", "now"),
    [
        (headers(), BODY + b" ", NOW),
        (headers(secret="whsec_" + base64.b64encode(b"another").decode()), BODY, NOW),
        (headers() | {"Webhook-Id": "18"}, BODY, NOW),
        (headers() | {"Webhook-Timestamp": str(NOW + 1)}, BODY, NOW),
        (headers() | {"Webhook-Signature": ""}, BODY, NOW),
        (headers() | {"Webhook-Signature": "v1,ü"}, BODY, NOW),
        (headers(), BODY, NOW + 301),
        (headers(), BODY, NOW - 301),
        ({}, BODY, NOW),
        (headers(b"[]"), b"[]", NOW),
        (headers(b"no JSON"), b"no JSON", NOW),
    ],
)
def test_what_is_refused(given: dict[str, str], body: bytes, now: int) -> None:
    with pytest.raises(WebhookRefused):
        read_webhook(given, body, SECRET, now=now)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_no base64!"])
def test_a_secret_that_is_none(secret: str) -> None:
    with pytest.raises(ValueError, match="no secret"):
        read_webhook(headers(), BODY, secret, now=NOW)
