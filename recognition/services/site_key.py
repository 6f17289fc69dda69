"""Keys for different purposes, derived from the site's key, which is not in the database."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

LENGTH = 32  # bytes


def derived_keys(purpose: str) -> list[bytes]:
    """The key for this purpose (RFC 5869), of 32 bytes; then those of the former site keys, the newest first."""
    return [
        HKDF(SHA256(), LENGTH, salt=None, info=f"identity: {purpose}".encode()).derive(key.encode())
        for key in settings.SITE_KEYS
    ]
