"""API keys of kiosks: made, revoked and recognised. A tablet gets its key by a code, and nobody else sees it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from unicodedata import category

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from recognition.models import ApiKey
from recognition.services.errors import Conflict, Invalid, NotFound

MARK = "fid"  # lets secret scanners and people tell what the string is
MOST_NAME = 120
PAIRING_MINUTES = 10
CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that looks like another
CODE_LENGTH = 8  # 30^8 codes, of which few are good for ten minutes each, and strangers are counted


def issue_key(
    *, name: str, scopes: Sequence[str], user_id: int | None = None, **about: Any
) -> tuple[ApiKey, str]:
    """A new key and its text, which is shown this once and cannot be had again.

    about: place, liveness, direction and pause_seconds of `ApiKey`.
    """
    prefix, text = _new_text()
    key = _new_key(
        name=name, scopes=scopes, user_id=user_id, prefix=prefix, digest=_digest(text), about=about
    )
    return key, text


def add_kiosk(*, name: str, place: str = "", user_id: int | None = None, **about: Any) -> tuple[ApiKey, str]:
    """A kiosk that waits for its tablet, and the code that the tablet has to show.

    about: liveness, direction and pause_seconds of `ApiKey`.
    """
    prefix, _ = _new_text()
    with transaction.atomic():
        key = _new_key(
            name=name,
            scopes=[ApiKey.Scope.ATTENDANCE],
            user_id=user_id,
            prefix=prefix,
            digest="",
            about=about | {"place": place},
        )
        return key, open_pairing(key)


def change_kiosk(key: ApiKey, **about: Any) -> ApiKey:
    """Change place, liveness, direction or pause_seconds, from the next picture on. Raises Invalid."""
    _set(key, about)
    key.save(update_fields=list(about))
    return key


def open_pairing(key: ApiKey) -> str:
    """A code by which one tablet gets this key, for ten minutes and once. The key in use counts until then.

    Raises Conflict when the key was revoked.
    """
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
    opened = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(
        pairing_digest=_digest(code),
        pairing_expires_at=timezone.now() + timedelta(minutes=PAIRING_MINUTES),
    )
    if not opened:
        raise Conflict("revoked", gettext("This key was revoked. Make another kiosk."))
    return code


def pair(code: str) -> tuple[ApiKey, str]:
    """The kiosk that this code is for, and the text of its new key. A former one is worth nothing from here on.

    Raises NotFound for a code that is unknown, used or too old. Case, spaces and dashes do not matter.
    """
    typed = "".join(letter for letter in code.upper() if letter.isalnum())
    with transaction.atomic():
        key = (
            ApiKey.objects.select_for_update()
            .filter(pairing_digest=_digest(typed), pairing_expires_at__gt=timezone.now(), revoked_at=None)
            .first()
        )
        if key is None:
            raise NotFound(
                "unknown_code", gettext("This code is unknown or too old. Ask for a new one in the admin.")
            )
        key.prefix, text = _new_text()
        key.digest = _digest(text)
        key.pairing_digest, key.pairing_expires_at = "", None
        key.paired_at = timezone.now()
        key.save(update_fields=["prefix", "digest", "pairing_digest", "pairing_expires_at", "paired_at"])
    return key, text


def revoke_key(key: ApiKey) -> None:
    """The key stops working with the next request."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(
        revoked_at=timezone.now(), pairing_digest="", pairing_expires_at=None
    )


def authenticate(text: str) -> ApiKey | None:
    """The key that this text is, or None when it is unknown or revoked. Notes the use once a minute."""
    key = ApiKey.objects.filter(digest=_digest(text), revoked_at=None).first()
    if key is not None:
        now = timezone.now()
        unused = Q(last_used_at=None) | Q(last_used_at__lt=now - timedelta(minutes=1))
        if key.last_used_at is None or key.last_used_at < now - timedelta(minutes=1):
            ApiKey.objects.filter(unused, pk=key.pk).update(last_used_at=now)
    return key


def is_good(key: ApiKey) -> bool:
    """Whether it still is what it was when it was shown: not revoked, and its device not paired anew."""
    return ApiKey.objects.filter(pk=key.pk, digest=key.digest, revoked_at=None).exists()


def allows(key: ApiKey, scope: str) -> bool:
    """The scope admin includes all others."""
    return scope in key.scopes or ApiKey.Scope.ADMIN in key.scopes


def _new_key(
    *,
    name: str,
    scopes: Sequence[str],
    user_id: int | None,
    prefix: str,
    digest: str,
    about: dict[str, Any],
) -> ApiKey:
    unknown = set(scopes) - set(ApiKey.Scope.values)
    if unknown or not scopes:
        raise Invalid(
            "unknown_scope",
            f"Choose scopes among {', '.join(ApiKey.Scope.values)}.",
        )
    if not 0 < len(name.strip()) <= MOST_NAME or "\x00" in name:
        raise Invalid(
            "no_name",
            gettext("Give the kiosk a name of at most %(most)s characters.") % {"most": MOST_NAME},
        )
    key = ApiKey(
        name=name.strip(),
        prefix=prefix,
        digest=digest,
        scopes=sorted(set(scopes)),
        created_by_id=user_id,
    )
    _set(key, about)
    key.save()
    return key


def _set(key: ApiKey, about: dict[str, Any]) -> None:
    if unknown := about.keys() - {"place", "liveness", "direction", "pause_seconds"}:
        raise TypeError(f"a key has no {', '.join(sorted(unknown))}")
    for field, value in about.items():
        if isinstance(value, str) and any(category(letter) in ("Cc", "Cs") for letter in value):
            raise Invalid(
                "invalid_kiosk",
                gettext("%(field)s: It holds a character that cannot be printed.") % {"field": field},
            )
        try:
            setattr(key, field, ApiKey._meta.get_field(field).clean(value, key))  # type: ignore[union-attr]
        except ValidationError as error:
            raise Invalid("invalid_kiosk", f"{field}: {error.messages[0]}") from None


def _new_text() -> tuple[str, str]:
    """Its public beginning and the whole text."""
    prefix = secrets.token_hex(4)
    return prefix, f"{MARK}_{prefix}_{secrets.token_urlsafe(32)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
