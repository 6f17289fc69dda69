"""API keys of kiosks: made, revoked and recognised."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from recognition.models import ApiKey
from recognition.services.errors import Invalid

MARK = "fid"  # lets secret scanners and people tell what the string is
MOST_NAME = 120


def issue_key(
    *, name: str, scopes: Sequence[str], liveness: str = ApiKey.Liveness.OFF, user_id: int | None = None
) -> tuple[ApiKey, str]:
    """A new key and its text, which is shown this once and cannot be had again.

    liveness: of `ApiKey.Liveness`, what has to show that a living person is there.
    """
    if liveness not in ApiKey.Liveness.values:
        raise Invalid("unknown_liveness", f"Choose liveness among {', '.join(ApiKey.Liveness.values)}.")
    unknown = set(scopes) - set(ApiKey.Scope.values)
    if unknown or not scopes:
        raise Invalid("unknown_scope", f"Choose scopes among {', '.join(ApiKey.Scope.values)}.")
    if not 0 < len(name.strip()) <= MOST_NAME or "\x00" in name:
        raise Invalid("no_name", f"Give the kiosk a name of at most {MOST_NAME} characters.")
    prefix = secrets.token_hex(4)
    secret = secrets.token_urlsafe(32)
    text = f"{MARK}_{prefix}_{secret}"
    key = ApiKey.objects.create(
        name=name.strip(),
        prefix=prefix,
        digest=_digest(text),
        scopes=sorted(set(scopes)),
        liveness=liveness,
        created_by_id=user_id,
    )
    return key, text


def revoke_key(key: ApiKey) -> None:
    """The key stops working with the next request."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())


def authenticate(text: str) -> ApiKey | None:
    """The key that this text is, or None when it is unknown or revoked. Notes the use once a minute."""
    key = ApiKey.objects.filter(digest=_digest(text), revoked_at=None).first()
    if key is not None:
        now = timezone.now()
        unused = Q(last_used_at=None) | Q(last_used_at__lt=now - timedelta(minutes=1))
        if key.last_used_at is None or key.last_used_at < now - timedelta(minutes=1):
            ApiKey.objects.filter(unused, pk=key.pk).update(last_used_at=now)
    return key


def allows(key: ApiKey, scope: str) -> bool:
    """The scope admin includes all others."""
    return scope in key.scopes or ApiKey.Scope.ADMIN in key.scopes


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
