from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection, Generator

from django.db import DatabaseError, connection
from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from recognition.api.schema import answers
from recognition.api.serializers import events as shapes
from recognition.api.views.base import KioskView, Scope
from recognition.models import ApiKey
from recognition.services import events, keys
from recognition.services.errors import Busy
from recognition.streams import Places, Stream, ending

log = logging.getLogger(__name__)

MOST = 8  # who follow through one web process: each takes a thread of it
PAUSE = 0.25  # seconds between two looks
QUIET = 10.0  # seconds after which a line is sent that says nothing, so that both sides see whether the other is there
LONGEST = 3600.0  # seconds; whoever follows comes again

_places = Places(MOST)


class EventStreamView(KioskView):
    scopes = {"GET": (Scope.READ,)}

    @extend_schema(
        operation_id="events_stream",
        tags=["events"],
        summary="What happens, as it happens (server-sent events)",
        parameters=[shapes.StreamQuery],
        responses=answers(
            (200, "text/event-stream"), shapes.StreamMessage, 400, description="Goes on until it is closed."
        ),
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """The messages of webhooks, each with a number, a type and its data, in order and none left out: those after
        `after`, or the header `Last-Event-ID`, first, where they are not older than a week, else whatever happens from
        now on.
        """
        wanted = self.read_query(shapes.StreamQuery, **_last_event(request))
        if not _places.take():
            raise Busy("overloaded", "Too many follow the events of this process. Try again in a moment.")
        lines = _lines(
            request.auth,
            after=wanted.get("after"),
            types=wanted["types"].split(",") if "types" in wanted else events.TYPES,
            with_names=wanted["with_names"],
        )
        response = StreamingHttpResponse(Stream(lines, _places), content_type="text/event-stream")
        # nginx would collect lines until there are many.
        response["X-Accel-Buffering"] = "no"
        return response


def _last_event(request: Request) -> dict[str, str]:
    """As a browser sends it when it comes again."""
    number = request.headers.get("Last-Event-ID", "")
    return {"after": number} if number else {}


def _lines(
    key: ApiKey, *, after: int | None, types: Collection[str], with_names: bool
) -> Generator[bytes, None, None]:
    try:
        start = events.last_number() if after is None else after
        follower = events.Follower(start)
        yield f"retry: 2000\nid: {follower.place}\n\n".encode()
        if follower.missed:
            yield f"id: {follower.place}\nevent: missed\ndata: {{}}\n\n".encode()
        spoke = checked = time.monotonic()
        told, end = follower.place, spoke + LONGEST
        while not ending.wait(PAUSE) and time.monotonic() < end:
            for event in follower.read():
                message = None
                if event.type in types:
                    message = events.message_of(event.type, event.subject, event.at, with_names=with_names)
                if message is not None:
                    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
                    yield f"id: {event.pk}\nevent: {event.type}\ndata: {text}\n\n".encode()
                    spoke, told = time.monotonic(), event.pk
            if time.monotonic() - checked > QUIET:
                if not keys.is_good(key):
                    return
                checked = time.monotonic()
            if time.monotonic() - spoke > QUIET:
                # The number goes on over what was not wanted, so that coming again does not begin far back.
                yield f"id: {follower.place}\n\n".encode() if follower.place > told else b":\n\n"
                spoke, told = time.monotonic(), follower.place
    except DatabaseError as error:
        log.warning("a stream of events ends, Postgres does not answer: %s", error)
        connection.close()
