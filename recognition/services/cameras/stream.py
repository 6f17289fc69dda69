"""Pictures and state of cameras, from the worker to whoever looks on, through Redis.

Pictures are published and not stored: they reach who listens at this moment, and are nowhere afterwards. Without a
listener none is even made.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import redis
from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

ASK_PAUSE = 1.0  # seconds between two questions whether somebody listens
STATE_SECONDS = 15
TIMEOUT = 3.0


class Publisher:
    """The worker's end, of one camera. Without Redis nobody sees anything, and watching goes on."""

    def __init__(self, camera_id: int) -> None:
        self._id = camera_id
        self._asked = -1e9
        self._wanted = False
        self._redis = _connection(TIMEOUT)

    def wanted(self) -> bool:
        """Whether somebody looks on."""
        now = time.monotonic()
        if now - self._asked >= ASK_PAUSE:
            self._asked = now
            try:
                ((_, count),) = self._redis.pubsub_numsub(_channel(self._id))
                self._wanted = count > 0
            except RedisError:
                self._wanted = False
        return self._wanted

    def show(self, jpeg: bytes) -> None:
        with suppress(RedisError):
            self._redis.publish(_channel(self._id), jpeg)

    def tell(self, **state: object) -> None:
        """What `state_of` answers for the next seconds."""
        with suppress(RedisError):
            cache.set(_key(self._id), state, STATE_SECONDS)

    def close(self) -> None:
        with suppress(RedisError):
            cache.delete(_key(self._id))
        self._redis.close()


def state_of(camera_id: int) -> dict[str, Any] | None:
    """fps, delay_ms, faces, missed and trouble of a camera that is watched at present; None when nobody does."""
    try:
        found: dict[str, Any] | None = cache.get(_key(camera_id))
    except RedisError:
        return None
    return found


def pictures_of(camera_id: int, *, patience: float) -> Iterator[bytes]:
    """JPEGs as they come, the newest where some came meanwhile; ends when there is none for so many seconds."""
    connection = _connection(patience + TIMEOUT)
    listening = connection.pubsub(ignore_subscribe_messages=True)
    try:
        listening.subscribe(_channel(camera_id))
        last = time.monotonic()
        while time.monotonic() - last < patience:
            picture = _newest(listening)
            if picture is not None:
                last = time.monotonic()
                yield picture
    except RedisError as error:
        log.warning("the pictures of a camera cannot be shown, Redis does not answer: %s", error)
    finally:
        with suppress(RedisError):
            listening.close()
        connection.close()


def _newest(listening: Any) -> bytes | None:
    message = listening.get_message(timeout=0.5)
    while message is not None:
        more = listening.get_message(timeout=0)
        if more is None:
            return bytes(message["data"])
        message = more
    return None


def _connection(timeout: float) -> Any:
    connect: Any = redis.from_url
    return connect(settings.REDIS_URL, socket_timeout=timeout, socket_connect_timeout=TIMEOUT)


def _channel(camera_id: int) -> str:
    return f"camera:{camera_id}"


def _key(camera_id: int) -> str:
    return f"camera:{camera_id}:state"
