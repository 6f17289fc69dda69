"""A message by HTTP."""

from __future__ import annotations

import http.client
import socket
from threading import Timer

from recognition.services.webhooks.addresses import WHOLE_SECONDS, Place


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
    def __init__(self, place: Place) -> None:
        super().__init__(place.host, place.port)
        self._place = place

    def connect(self) -> None:
        self.sock = self._place.connect()

    def cut(self) -> None:
        """For a receiver that answers a byte at a time."""
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return
