"""Server-sent events, followed over lost connections."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from identity_client.answers import StreamMessage
from identity_client.errors import ConnectionLost, IdentityError
from identity_client.reading import read
from identity_client.transport import LONGEST_PAUSE, Call, Transport, pause_before


def follow(transport: Transport, call: Call) -> Iterator[StreamMessage]:
    """Goes on behind the last message when it is opened again. What never opened is not tried for ever."""
    failed, opened = 0, False
    while True:
        try:
            with transport.lines(call) as lines:
                opened = True
                for number, message in _messages(lines):
                    failed = 0
                    call = dataclasses.replace(call, headers={"Last-Event-ID": number})
                    if message is not None:
                        yield message
            problem: IdentityError = ConnectionLost("The stream ended.")
        except IdentityError as error:
            problem = error
        failed += 1
        pause = pause_before(problem, min(failed, 7))
        if pause is None or not (opened or failed < transport.tries):
            raise problem
        transport.sleep(min(pause, LONGEST_PAUSE))


def _messages(lines: Iterable[str]) -> Iterator[tuple[str, StreamMessage | None]]:
    """Each block that has a number: the number, and the message where there is one."""
    found: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            found[name] = value.removeprefix(" ")
            continue
        if "id" in found:  # what has none only holds the line
            yield found["id"], read(StreamMessage, found) if "event" in found else None
        found = {}
