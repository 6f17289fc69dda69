"""Where messages may go. A site that sends where it is told could be made to ask its own neighbours (SSRF), so the name
is resolved once, every address it has must be public or of WEBHOOK_NETWORKS, and that very address is connected to.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.utils.translation import gettext

from recognition.services.errors import Invalid

Address = IPv4Address | IPv6Address
PORTS = {"https": 443, "http": 80, "mqtts": 8883, "mqtt": 1883}
SECURE = ("https", "mqtts")
CONNECT_SECONDS, WHOLE_SECONDS = 5.0, 10.0
# Addresses that carry one of IPv4 inside: whoever translates them would reach that one.
CARRIERS = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("2002::/16"))


@dataclass(frozen=True, slots=True)
class Place:
    """path: of http with the query, of mqtt the topic under which is published."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def secure(self) -> bool:
        return self.scheme in SECURE

    @property
    def broker(self) -> bool:
        return self.scheme.startswith("mqtt")

    def resolved(self) -> str:
        """The one address to connect to. Raises Invalid when any of the name's addresses is not allowed."""
        rows = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        found = {str(row[4][0]).split("%")[0] for row in rows}
        for text in sorted(found):
            _demand(ip_address(text), self)
        return min(found)

    def connect(self) -> socket.socket:
        """To the address that was looked at, whatever the name resolves to a moment later; the certificate has to be
        the name's. Raises Invalid and OSError."""
        plain = socket.create_connection((self.resolved(), self.port), timeout=CONNECT_SECONDS)
        if not self.secure:
            return plain
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)


def check_address(url: str) -> Place:
    """Raises Invalid for an address to which nothing is ever sent, whatever its name resolves to today."""
    place = _place(url)
    try:
        address = ip_address(place.host)
    except ValueError:
        return place
    _demand(address, place)
    return place


def _place(url: str) -> Place:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Invalid("bad_address", gettext("This is no address: %(error)s.") % {"error": error}) from None
    if parts.scheme not in PORTS or not host or any(ord(c) <= 32 or ord(c) > 126 for c in url):
        raise Invalid(
            "bad_address",
            gettext("An address begins with https:// or mqtts:// and a name, in plain letters."),
        )
    if parts.username or parts.password:
        raise Invalid("bad_address", gettext("Leave user and password out of the address."))
    if parts.scheme.startswith("mqtt"):
        path = _topic(parts.path, whole=not set(url) & set("?#"))
    else:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, host, port or PORTS[parts.scheme], path)


def _topic(path: str, *, whole: bool) -> str:
    topic = unquote(path).strip("/")
    if not whole or not topic or topic.startswith("$") or set(topic) & set("+#\x00"):
        raise Invalid(
            "bad_address",
            gettext("A broker's address ends with a topic, such as mqtts://broker.example/identity."),
        )
    return topic


def _demand(address: Address, place: Place) -> None:
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
    if not place.secure:
        raise Invalid("not_https", gettext("What goes to a public address goes by https or mqtts."))
