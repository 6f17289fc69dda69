"""A message to a broker, by MQTT 5: the first version in which a broker says when it does not take what it is given."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from recognition.services.webhooks.addresses import WHOLE_SECONDS, Place

AT_LEAST_ONCE = 1


@dataclass(frozen=True, slots=True)
class Account:
    username: str
    password: str


def publish(
    place: Place, topic: str, body: bytes, headers: dict[str, str], account: Account | None = None
) -> None:
    """Returns when the broker has taken it. headers: go beside the message. Raises Invalid, OSError or ValueError."""
    client = _Client(place, account)
    about: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    about.ContentType = "application/json"
    about.UserProperty = list(headers.items())
    until = time.monotonic() + WHOLE_SECONDS
    try:
        client.connect(place.host, place.port)
        client.wait(until, lambda: client.welcome)
        client.publish(topic, body, qos=AT_LEAST_ONCE, properties=about)
        client.wait(until, lambda: client.taken)
    finally:
        client.disconnect()
        client.loop(0.05)  # says good-bye, where anybody is there to hear it


class _Client(Client):
    def __init__(self, place: Place, account: Account | None) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._place = place
        if account and account.username:
            self.username_pw_set(account.username, account.password or None)
        self.welcome = self.taken = False
        self.refusal = ""
        self.on_connect = self._connected
        self.on_publish = self._published

    def wait(self, until: float, done: Any) -> None:
        """Raises OSError when the broker refuses, goes, or says nothing."""
        while not done():
            error = self.loop(0.2)
            if self.refusal:
                raise ConnectionRefusedError(f"the broker says: {self.refusal}")
            if error != MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise ConnectionError(f"the broker went: {error.name}")
            if time.monotonic() > until:
                raise TimeoutError("the broker did not answer in time")

    def _connected(self, client: Client, userdata: object, flags: object, reason: Any, about: object) -> None:
        self.welcome, self.refusal = not reason.is_failure, str(reason) if reason.is_failure else ""

    def _published(self, client: Client, userdata: object, number: int, reason: Any, about: object) -> None:
        self.taken, self.refusal = not reason.is_failure, str(reason) if reason.is_failure else ""

    def _create_socket_connection(self) -> socket.socket:
        """Where paho looks the name up and connects. Its documents say nothing of it, so a test watches it."""
        return self._place.connect()
