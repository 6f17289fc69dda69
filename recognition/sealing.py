"""Sealing photos, crops and vectors: AES-256-GCM with a key per person, each wrapped by the key of the site.

A sealed text is ``MAGIC | number of the key (8 bytes) | nonce (12) | ciphertext and tag``; key and purpose are
authenticated with it. A person's keys are rows of `DataKey`. Once they are gone, nothing that they sealed can be read,
in no backup either.
"""

from __future__ import annotations

import base64
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from recognition.site_keys import LENGTH, derived_keys, fingerprint

if TYPE_CHECKING:
    from recognition.models import DataKey

MAGIC = b"\x00SEALED1"  # no picture begins like that
NONCE = 12
TAG = 16
HEAD = len(MAGIC) + 8
OVERHEAD = HEAD + NONCE + TAG
PURPOSE = "wrapping of people's keys"
WRAPPING = b"wrapped key"
CACHED = 4096  # keys that a process remembers
CACHE_SECONDS = 60.0  # a key that was destroyed is forgotten by then


class SealError(OSError):
    """What is sealed cannot be read. As for a lost file: whoever reads pictures knows these errors."""


class KeyGone(SealError, FileNotFoundError):
    """The key was destroyed, because the person was erased."""


class WrongSiteKey(SealError):
    """The key is there, but no key of this site opens it."""


class Damaged(SealError):
    """It is not what was sealed."""


def is_sealed(data: bytes) -> bool:
    return data[: len(MAGIC)] == MAGIC


def key_number(sealed: bytes) -> int:
    return int.from_bytes(sealed[len(MAGIC) : HEAD], "big")


def seal(data: bytes, number: int, key: bytes) -> bytes:
    """number: of the row of `DataKey` whose key this is."""
    head = MAGIC + number.to_bytes(8, "big")
    nonce = os.urandom(NONCE)
    return head + nonce + AESGCM(key).encrypt(nonce, data, head)


def open_with(sealed: bytes, key: bytes) -> bytes:
    """Raises Damaged."""
    return _open(sealed, AESGCM(key))


def open_sealed(data: bytes) -> bytes:
    """What was sealed; what is not sealed, such as a photo from before there were keys, as it is. Raises SealError."""
    if not is_sealed(data):
        return data
    return open_with(data, key_by_number(key_number(data)))


def _open(sealed: bytes, cipher: AESGCM) -> bytes:
    try:
        return cipher.decrypt(sealed[HEAD : HEAD + NONCE], sealed[HEAD + NONCE :], sealed[:HEAD])
    except (InvalidTag, ValueError):
        raise Damaged("It was changed after it was sealed, or cut short.") from None


# --- by the key of the site: secrets of second factors, addresses with passwords in them, faces for a minute ----


def seal_for(data: bytes, purpose: str) -> bytes:
    """By the site's key in use for this purpose."""
    return seal(data, 0, derived_keys(purpose)[0])


def open_for(sealed: bytes, purpose: str) -> bytes:
    """Also what a former key of the site sealed. Raises WrongSiteKey when none opens it."""
    for key in derived_keys(purpose):
        with suppress(Damaged):
            return open_with(sealed, key)
    raise WrongSiteKey("No key of this site opens this secret. Bring back the former SITE_KEY.")


def seal_text(text: str, purpose: str) -> str:
    """As text for a column."""
    return base64.b64encode(seal_for(text.encode(), purpose)).decode()


def open_text(sealed: str, purpose: str) -> str:
    """As `open_for`; a column that holds something else was never sealed by a key of this site."""
    try:
        data = base64.b64decode(sealed)
    except ValueError:
        data = b""
    return open_for(data, purpose).decode()


# --- keys of people ------------------------------------------------------------------------------------------


def wrap(key: bytes) -> tuple[bytes, str]:
    """The key wrapped by the site's key in use, and the name of that."""
    site = derived_keys(PURPOSE)[0]
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(site).encrypt(nonce, key, WRAPPING), fingerprint(site)


def unwrap(wrapped: bytes, site_key: str) -> bytes:
    """Raises WrongSiteKey."""
    for site in derived_keys(PURPOSE):
        if fingerprint(site) == site_key:
            try:
                return AESGCM(site).decrypt(wrapped[:NONCE], wrapped[NONCE:], WRAPPING)
            except (InvalidTag, ValueError):
                break
    raise WrongSiteKey(
        "No key of this site opens what is sealed. Bring back SITE_KEY (or the file site_key of the data folder), or"
        " name the former one in SITE_KEY_FALLBACKS."
    )


class Unwrapper:
    """Unwraps many keys fast: the ciphers of the site's keys are made once."""

    def __init__(self) -> None:
        self._sites = {fingerprint(site): AESGCM(site) for site in derived_keys(PURPOSE)}

    def cipher(self, wrapped: bytes, site_key: str) -> AESGCM:
        """Raises WrongSiteKey."""
        site = self._sites.get(site_key)
        if site is None:
            return AESGCM(unwrap(wrapped, site_key))
        try:
            return AESGCM(site.decrypt(wrapped[:NONCE], wrapped[NONCE:], WRAPPING))
        except (InvalidTag, ValueError):
            return AESGCM(unwrap(wrapped, site_key))


def open_many(rows: Iterable[tuple[bytes, int, bytes, str]]) -> list[bytes | None]:
    """Open many sealed texts. rows: sealed, number of the key, wrapped key, name of the site's key that wraps it; rows
    of one key stand together. None for one that was damaged. Raises WrongSiteKey."""
    unwrapper = Unwrapper()
    last: tuple[int, AESGCM] | None = None
    found: list[bytes | None] = []
    for sealed, number, wrapped, site_key in rows:
        if last is None or last[0] != number:
            last = number, unwrapper.cipher(wrapped, site_key)
        try:
            found.append(_open(sealed, last[1]))
        except Damaged:
            found.append(None)
    return found


def new_key(identity_id: int | None) -> DataKey:
    """A new key of a person; of nobody for a picture of a probe."""
    return new_keys([identity_id])[0]


def new_keys(identity_ids: Sequence[int | None]) -> list[DataKey]:
    from recognition.models import DataKey

    keys = [os.urandom(LENGTH) for _ in identity_ids]
    rows = []
    for identity_id, key in zip(identity_ids, keys, strict=True):
        wrapped, site_key = wrap(key)
        rows.append(DataKey(identity_id=identity_id, wrapped=wrapped, site_key=site_key))
    made = DataKey.objects.bulk_create(rows)
    for row, key in zip(made, keys, strict=True):
        _cache.put(row.pk, key)
    return made


def keys_of(identity_ids: Iterable[int]) -> dict[int, int]:
    """For each person the number of the key to seal with; made where there is none."""
    from recognition.models import DataKey

    wanted = set(identity_ids)
    rows = DataKey.objects.filter(identity__in=wanted).order_by("-pk").values_list("identity", "pk")
    found = {identity: pk for identity, pk in rows if identity is not None}
    missing = sorted(wanted - found.keys())
    if missing:
        found |= dict(zip(missing, (row.pk for row in new_keys(missing)), strict=True))
    return found


def key_by_number(number: int) -> bytes:
    """Raises KeyGone, WrongSiteKey."""
    from recognition.models import DataKey

    key = _cache.get(number)
    if key is None:
        row = DataKey.objects.filter(pk=number).values_list("wrapped", "site_key").first()
        if row is None:
            raise KeyGone("The key was destroyed: the person was erased.")
        key = unwrap(bytes(row[0]), row[1])
        _cache.put(number, key)
    return key


class _Cache:
    """The keys used last, for a short while. Safe to use from several threads."""

    def __init__(self) -> None:
        self._keys: OrderedDict[int, tuple[bytes, float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, number: int) -> bytes | None:
        with self._lock:
            found = self._keys.get(number)
            if found is None or found[1] < time.monotonic():
                return None
            return found[0]

    def put(self, number: int, key: bytes) -> None:
        with self._lock:
            self._keys[number] = key, time.monotonic() + CACHE_SECONDS
            self._keys.move_to_end(number)
            while len(self._keys) > CACHED:
                self._keys.popitem(last=False)

    def forget(self, numbers: Iterable[int]) -> None:
        with self._lock:
            for number in numbers:
                self._keys.pop(number, None)

    def clear(self) -> None:
        with self._lock:
            self._keys.clear()


_cache = _Cache()
forget_keys = _cache.forget
forget_all_keys = _cache.clear
