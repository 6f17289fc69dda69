"""Keys for different purposes, derived from the keys of the site, which are not in the database."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

LENGTH = 32  # bytes


def derived_keys(purpose: str) -> list[bytes]:
    """The key for this purpose (RFC 5869), of 32 bytes; then those of the former site keys, the newest first."""
    return [_derived(key, purpose) for key in site_keys()]


def site_keys() -> list[str]:
    """The keys in use and former ones. A site that keeps its own reads them again, as they may be rotated meanwhile."""
    path: Path | None = settings.SITE_KEYS_KEPT_IN
    if path is None:
        return list(settings.SITE_KEYS)
    try:
        return path.read_text(encoding="ascii").split()
    except FileNotFoundError:
        return list(settings.SITE_KEYS)


def fingerprint(key: bytes) -> str:
    """A short name of a derived key, which tells nothing about it."""
    return hashlib.sha256(b"fingerprint" + key).hexdigest()[:16]


@lru_cache(maxsize=64)
def _derived(key: str, purpose: str) -> bytes:
    return HKDF(SHA256(), LENGTH, salt=None, info=f"identity: {purpose}".encode()).derive(key.encode())
