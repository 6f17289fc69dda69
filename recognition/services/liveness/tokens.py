"""Tokens of passed challenges: each stands for the picture of whoever passed, and works once."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.utils.translation import gettext

from recognition.services import site_secrets
from recognition.services.errors import Conflict

LIFE = 60  # seconds
PURPOSE = "liveness tokens"


@dataclass(frozen=True, slots=True)
class Passed:
    """picture: the best frame of the challenge, as it was sent. evidence: what is kept with the decision."""

    picture: bytes
    evidence: dict[str, Any]


def issue(owner: str, picture: bytes, evidence: dict[str, Any]) -> str:
    token = secrets.token_urlsafe(32)
    head = json.dumps({"owner": owner, "evidence": evidence}).encode()
    content = len(head).to_bytes(4, "big") + head + picture
    cache.set(_key(token), site_secrets.seal(content, purpose=PURPOSE), LIFE)
    return token


def redeem(token: str, *, owner: str, use: str = "") -> Passed:
    """The picture to recognise. Raises Conflict when the token was used, is older than a minute or somebody else's.

    use: what it is for, where that does no harm twice: the same use may ask again when the answer got lost.
    """
    gone = Conflict(
        "liveness_token", gettext("This liveness check was used already, or is too old. Check again.")
    )
    sealed = cache.get(_key(token))
    mine = use or secrets.token_urlsafe(16)
    if sealed is None or cache.get_or_set(f"{_key(token)}:use", mine, LIFE) != mine:
        raise gone
    try:
        content = site_secrets.open_sealed(sealed, purpose=PURPOSE)
    except Conflict:
        raise gone from None
    end = 4 + int.from_bytes(content[:4], "big")
    head = json.loads(content[4:end])
    if not secrets.compare_digest(head["owner"], owner):
        raise gone
    return Passed(content[end:], head["evidence"])


def _key(token: str) -> str:
    return f"liveness:token:{hashlib.sha256(token.encode()).hexdigest()}"
