"""A message by HTTP."""

from __future__ import annotations

import http.client
import socket
import ssl
from threading import Timer

from recognition.services.webhooks.addresses import Place

CONNECT_SECONDS, WHOLE_SECONDS = 5.0, 10.0


def post(place: Place, body: bytes, headers: dict[str, str]) -> int:
    """The status of the answer. Raises Invalid, OSError, HTTPException or ValueError."""
    connection = _Connection(place)
    ends = Timer(WHOLE_SECONDS, connection.cut)
    ends.start()
    try:
        every = {"Content-Type": "application/json", "User-Agent": "identity-site"} | headers
        connection.request("POST", place.path, body, every)
        return connection.getresponse().status
    finally:
        ends.cancel()
        connection.close()


class _Connection(http.client.HTTPConnection):
    """To the address that was looked at, whatever the name resolves to by now; the certificate has to be the name's."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.host, place.port, timeout=CONNECT_SECONDS)
        self._address = place.resolved()
        self._tls = ssl.create_default_context() if place.secure else None

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
