"""Receipts of erasure: what a signed document says, and whether this site signed it (Ed25519, RFC 8032)."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.utils.translation import gettext

from recognition.services.errors import Invalid
from recognition.site_keys import derived_keys

log = logging.getLogger(__name__)

KIND = "identity erasure receipt"
FORMAT = 1
SIGNED = ("public_key", "signature")  # what is added by signing
PURPOSE = "receipts of erasure"
MOST_BYTES = 50_000_000  # of a file that is read as a receipt

Receipt = dict[str, Any]


def sign(content: Mapping[str, Any]) -> Receipt:
    """The content with kind, format, the public key and the signature of everything else."""
    key = _private_keys()[0]
    receipt = {"kind": KIND, "format": FORMAT, **content, "public_key": _text(_public_bytes(key))}
    return receipt | {"signature": _text(key.sign(_signed_bytes(receipt)))}


def check_signature(receipt: object) -> Receipt:
    """The receipt, if a key of this site signed exactly this. Raises Invalid, saying what is wrong."""
    if not isinstance(receipt, dict) or receipt.get("kind") != KIND or receipt.get("format") != FORMAT:
        raise Invalid("no_receipt", gettext("This is no receipt of an erasure."))
    try:
        public, signature = (base64.b64decode(receipt[name], validate=True) for name in SIGNED)
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _signed_bytes(receipt))
    except (KeyError, TypeError, ValueError, binascii.Error, InvalidSignature):
        raise Invalid("wrong_signature", gettext("The receipt was changed after it was signed.")) from None
    if public not in [_public_bytes(key) for key in _private_keys()]:
        raise Invalid(
            "other_site",
            gettext(
                "The receipt is whole, but none of this site's keys signed it. Was SITE_KEY "
                "replaced? Then SITE_KEY_FALLBACKS has to name the former one."
            ),
        )
    return receipt


def read_receipt(path: Path) -> Receipt:
    """The checked receipt of a file. Raises Invalid."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Invalid("no_receipt", f"{path} is too large for a receipt.")
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Invalid(
            "unreadable",
            f"{path} cannot be read: {error.strerror}.",
        ) from None
    except (ValueError, RecursionError):
        raise Invalid("no_receipt", f"{path} is no receipt of an erasure.") from None
    return check_signature(found)


def receipts_folder() -> Path:
    """Beside the database, so that restoring an older backup of that leaves them alone."""
    return Path(settings.DATA_DIR) / "receipts"


def write_receipt(receipt: Receipt) -> None:
    """A copy outside of the database, readable for the owner of the folder. Without space for it the log says so."""
    folder = receipts_folder()
    moment = str(receipt["erased_at"]).replace(":", "").replace("+0000", "Z")
    path = folder / f"person-{receipt['person']['number']}-{moment}.json"
    part = path.with_suffix(".part")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(receipt, file, indent=1)
        part.replace(path)
    except OSError:
        log.exception("no copy of the receipt could be written to %s; the database has it", folder)


def _private_keys() -> list[Ed25519PrivateKey]:
    return [Ed25519PrivateKey.from_private_bytes(key) for key in derived_keys(PURPOSE)]


def _public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _signed_bytes(receipt: Mapping[str, Any]) -> bytes:
    """One way to write a document down: sorted names, no spaces, ASCII."""
    content = {name: value for name, value in receipt.items() if name != "signature"}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
