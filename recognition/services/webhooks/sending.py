"""One signed message to one address, by the rules of https://www.standardwebhooks.com.

A site that sends where it is told could be made to ask its own neighbours (SSRF). So the name is resolved once, every
address it has must be public or of WEBHOOK_NETWORKS, and the connection goes to that very address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import socket
import ssl
import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Timer
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext

from recognition.services.errors import Invalid

CONNECT_SECONDS, WHOLE_SECONDS = 5.0, 10.0
MARK = "whsec_"
Address = IPv4Address | IPv6Address
# Addresses that carry one of IPv4 inside: whoever translates them would reach that one.
CARRIERS = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("2002::/16"))


@dataclass(frozen=True, slots=True)
class Answer:
    """status: of HTTP, None when there was none. error: what went wrong, in words, empty for 2xx."""

    status: int | None
    error: str
    milliseconds: int


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The header ``webhook-signature``. secret: ``whsec_`` and base64."""
    key = base64.b64decode(secret.removeprefix(MARK))
    text = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def send(url: str, secret: str, message_id: str, body: bytes) -> Answer:
    """Never raises. Redirects are not followed, and of an answer only the status is read."""
    start = time.monotonic()
    status, error = None, ""
    try:
        status = _post(url, secret, message_id, body)
        if not 200 <= status < 300:
            error = f"the answer was {status} {http.client.responses.get(status, '')}".strip()
    except Invalid as refusal:
        error = str(refusal)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        error = f"{type(problem).__name__}: {problem}"
    return Answer(status, error[:200], round(1000 * (time.monotonic() - start)))


def check_address(url: str) -> None:
    """Raises Invalid for an address to which nothing is ever sent, whatever its name resolves to today."""
    _parts(url)
    host = urlsplit(url).hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        return
    _demand(address, urlsplit(url).scheme)


def _post(url: str, secret: str, message_id: str, body: bytes) -> int:
    host, port, path, scheme = _parts(url)
    address = _resolved(host, port, scheme)
    at = int(time.time())
    connection = _Connection(host, port, address, tls=scheme == "https")
    ends = Timer(WHOLE_SECONDS, connection.cut)
    ends.start()
    try:
        connection.request(
            "POST",
            path,
            body,
            {
                "Content-Type": "application/json",
                "User-Agent": "identity-site",
                "webhook-id": message_id,
                "webhook-timestamp": str(at),
                "webhook-signature": signature(secret, message_id, at, body),
            },
        )
        return connection.getresponse().status
    finally:
        ends.cancel()
        connection.close()


def _parts(url: str) -> tuple[str, int, str, str]:
    """Host, port, path with query, scheme. Raises Invalid."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Invalid("bad_address", gettext("This is no address: %(error)s.") % {"error": error}) from None
    if parts.scheme not in ("https", "http") or not host or any(ord(c) <= 32 or ord(c) > 126 for c in url):
        raise Invalid("bad_address", gettext("An address begins with https:// and a name, in plain letters."))
    if parts.username or parts.password:
        raise Invalid(
            "bad_address", gettext("Leave user and password out of the address; messages are signed.")
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return host, port or (443 if parts.scheme == "https" else 80), path, parts.scheme


def _resolved(host: str, port: int, scheme: str) -> str:
    """The one address to connect to. Raises Invalid when any of the name's addresses is not allowed."""
    found = {str(row[4][0]).split("%")[0] for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    for text in sorted(found):
        _demand(ip_address(text), scheme)
    return min(found)


def _demand(address: Address, scheme: str) -> None:
    inner = address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
    if any(inner.version == network.version and inner in network for network in settings.WEBHOOK_NETWORKS):
        return
    carried = isinstance(inner, IPv6Address) and any(inner in network for network in CARRIERS)
    if not inner.is_global or inner.is_multicast or carried:
        raise Invalid(
            "private_address",
            gettext("%(address)s is not public. WEBHOOK_NETWORKS may allow its network.")
            % {"address": address},
        )
    if scheme != "https":
        raise Invalid("not_https", gettext("What goes to a public address goes by https."))


class _Connection(http.client.HTTPConnection):
    """To the address given, whatever the name resolves to by now; the certificate has to be the name's."""

    def __init__(self, host: str, port: int, address: str, *, tls: bool) -> None:
        super().__init__(host, port, timeout=CONNECT_SECONDS)
        self._address = address
        self._tls = ssl.create_default_context() if tls else None

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host) if self._tls else plain

    def cut(self) -> None:
        """For a receiver that answers a byte at a time."""
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return
