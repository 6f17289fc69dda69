"""Rate limits, counted in Redis.

Counting is one atomic increment in a window of fixed length, so that parallel requests cannot slip through
together. The number of the window is part of the name of the counter: even a counter that never expired would
block nobody.
"""

from __future__ import annotations

import logging
import math
import time
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from recognition.api.permissions import scopes_of
from recognition.models import ApiKey

log = logging.getLogger(__name__)

PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
GROUPS = {
    ApiKey.Scope.IDENTIFY: "recognise",
    ApiKey.Scope.VERIFY: "recognise",
    ApiKey.Scope.ATTENDANCE: "recognise",
    ApiKey.Scope.READ: "read",
}


def parse_rate(rate: str) -> tuple[int, int]:
    """``"300/m"`` -> 300 requests in 60 seconds."""
    number, period = rate.split("/")
    return int(number), PERIODS[period]


class WindowThrottle(BaseThrottle):
    seconds = 0

    def count(self, group: str, ident: str) -> bool:
        """Count one request. Whether it is within the group's rate; `wait` says how long to wait otherwise."""
        limit, period = parse_rate(api_settings.DEFAULT_THROTTLE_RATES[group])
        now = time.time()
        window = int(now // period)
        try:
            used = _increment(f"rate:{group}:{ident}:{window}", 2 * period)
        except RedisError as error:
            # A door has to open while Redis is away.
            log.warning("requests are not counted, Redis does not answer: %s", error)
            return True
        self.seconds = math.ceil((window + 1) * period - now) or 1
        return used <= limit

    def wait(self) -> int:
        return self.seconds


class KeyThrottle(WindowThrottle):
    """By API key, with a rate of their own for recognising, for changing, for reading and for frames."""

    def allow_request(self, request: Request, view: Any) -> bool:
        needed = scopes_of(view, request.method)
        group = getattr(view, "throttle_group", "") or (GROUPS.get(needed[0], "enrol") if needed else "read")
        return self.count(group, str(request.auth.pk))


class StrangerThrottle(WindowThrottle):
    """By address: for requests without a valid key, and for the pages that need none."""

    def allow_request(self, request: Request, view: Any) -> bool:
        return self.count("stranger", self.get_ident(request) or "unknown")


def _increment(name: str, lifetime: int) -> int:
    try:
        return int(cache.incr(name))
    except ValueError:  # not there yet
        if cache.add(name, 1, lifetime):
            return 1
        return int(cache.incr(name))
