"""GET /events/stream."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from django.utils import timezone

from recognition import streams
from recognition.api.views import event_stream
from recognition.models import ApiKey, Decision, LoggedEvent
from recognition.services import events, keys
from recognition.services.errors import Busy
from recognition.services.turns import Turns
from tests.accounts.conftest import Enrol
from tests.api.conftest import NewKiosk
from tests.api.kiosks import Kiosk, error_of, kiosk_with, upload
from tests.fakes import person_jpeg

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ends by itself after a look or two; places are given back, whatever a test leaves open."""
    monkeypatch.setattr(event_stream, "PAUSE", 0.001)
    monkeypatch.setattr(event_stream, "LONGEST", 0.05)
    turns = Turns(2, 20, seconds=0)
    monkeypatch.setattr(streams, "shared_turns", lambda: turns)
    monkeypatch.setattr(event_stream, "_places", streams.Places(event_stream.MOST))
    yield
    streams.ending.clear()


def blocks(kiosk: Kiosk, last: int | None = None, **query: object) -> list[dict[str, str]]:
    """The messages of a stream, each by its fields; without those that only hold the line."""
    if last is not None:
        kiosk.headers["Last-Event-ID"] = str(last)
    response = kiosk.get("events/stream", **query)
    assert response.status_code == 200, response.content
    text = b"".join(response.streaming_content).decode()
    found = [
        dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if block
    ]
    return [block for block in found if "event" in block]


def happen(number: int = 1) -> None:
    kiosk_with(["identify"]).post("identify", image=upload(person_jpeg(number, variant=7)))


def test_who_may(new_kiosk: NewKiosk, stranger: Kiosk) -> None:
    assert error_of(stranger.get("events/stream"), 401)["code"] == "no_key"
    wrong = set(ApiKey.Scope.values) - {"read", "admin"}
    assert error_of(kiosk_with(sorted(wrong)).get("events/stream"), 403)["code"] == "wrong_scope"
    for scope in ("read", "admin"):
        response = new_kiosk(scope).get("events/stream")
        assert response.status_code == 200
        list(response.streaming_content)


def test_the_messages_of_webhooks_with_their_numbers(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    happen(1)
    happen(9)
    known, unknown = blocks(new_kiosk("read"), after=0)
    numbers = list(LoggedEvent.objects.order_by("pk").values_list("pk", flat=True))
    assert [int(known["id"]), int(unknown["id"])] == numbers
    message = json.loads(known["data"])
    assert (known["event"], message["type"]) == ("person.recognised", "person.recognised")
    assert message["data"]["person"] == {"external_id": "F1"}
    assert message["data"]["kiosk"] == "Kiosk identify"
    assert "score" not in known["data"]
    assert json.loads(unknown["data"])["data"]["person"] is None


def test_what_was_chosen(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    happen(1)
    happen(9)
    kiosk = new_kiosk("read")
    assert [b["event"] for b in blocks(kiosk, after=0, types="person.not_recognised")] == [
        "person.not_recognised"
    ]
    (named,) = blocks(kiosk, after=0, types="person.recognised,attendance.in", with_names="true")
    assert json.loads(named["data"])["data"]["person"]["name"] == "Fake Person 1"


def test_goes_on_where_it_was(enrol: Enrol, new_kiosk: NewKiosk) -> None:
    enrol(1, account=False)
    happen()
    kiosk = new_kiosk("read")
    assert blocks(kiosk) == []  # from now on
    (first,) = blocks(kiosk, after=0)
    happen()
    (second,) = blocks(
        kiosk, last=int(first["id"]), after=0
    )  # what a browser sends counts before the address
    assert int(second["id"]) > int(first["id"])
    assert blocks(kiosk, last=int(second["id"])) == []


def test_says_when_something_was_missed(new_kiosk: NewKiosk) -> None:
    for _ in range(3):
        last = LoggedEvent.objects.create(type="person.recognised", subject=0, at=timezone.now())
    LoggedEvent.objects.exclude(pk=last.pk).delete()
    kiosk = new_kiosk("read")
    for after in (last.pk - 2, last.pk + 99):
        assert [block["event"] for block in blocks(kiosk, after=after)] == ["missed"]


def test_a_record_that_is_gone_is_left_out(new_kiosk: NewKiosk) -> None:
    LoggedEvent.objects.create(type="person.recognised", subject=10**9, at=timezone.now())
    LoggedEvent.objects.create(type="attendance.in", subject=10**9, at=timezone.now())
    assert blocks(new_kiosk("read"), after=0) == []


@pytest.mark.parametrize(
    "query", [{"after": -1}, {"after": "x"}, {"types": "person"}, {"types": ""}, {"type": "attendance.in"}]
)
def test_bad_input(new_kiosk: NewKiosk, query: dict[str, object]) -> None:
    assert error_of(new_kiosk("read").get("events/stream", **query), 400)["code"] == "invalid_request"


def test_a_number_that_is_none(new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("read")
    kiosk.headers["Last-Event-ID"] = "seven"
    assert "after" in error_of(kiosk.get("events/stream"), 400)["message"]


def test_there_is_room_for_some_and_it_is_given_back(new_kiosk: NewKiosk) -> None:
    kiosk = new_kiosk("read")
    for _ in range(2):
        following = [kiosk.get("events/stream") for _ in range(event_stream.MOST)]
        refused = kiosk.get("events/stream")
        assert error_of(refused, 503)["code"] == "overloaded"
        assert refused["Retry-After"]
        for response in following:
            list(response.streaming_content)


def test_the_place_of_a_stream_that_was_never_read_is_given_back() -> None:
    places = streams.Places(1)
    assert places.take()
    assert not places.take()
    stream = streams.Stream((part for part in [b"one"]), places)
    stream.close()
    stream.close()
    assert places.take()
    assert not places.take()
    places.give_back()


def test_streams_take_no_thread_of_other_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """They and those who wait to be recognised share what leaves two threads free."""
    turns = Turns(1, 2, seconds=0)
    monkeypatch.setattr(streams, "shared_turns", lambda: turns)
    places = streams.Places(8)
    assert [places.take() for _ in range(4)] == [True, True, True, False]
    with pytest.raises(Busy), turns.turn():
        pass
    places.give_back()
    with turns.turn():
        assert not places.take()


def test_a_revoked_key_hears_no_more_of_a_busy_site_either(
    new_kiosk: NewKiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "LONGEST", 5)
    monkeypatch.setattr(event_stream, "QUIET", 0.05)

    def read(self: events.Follower) -> list[LoggedEvent]:
        """Never quiet."""
        time.sleep(0.01)
        return [LoggedEvent.objects.create(type="person.recognised", subject=subject, at=timezone.now())]

    kiosk_with(["identify"]).post("identify", image=upload(person_jpeg(9)))
    subject = Decision.objects.latest("pk").pk
    monkeypatch.setattr(events.Follower, "read", read)
    lines = iter(new_kiosk("read").get("events/stream").streaming_content)
    assert any(b"data" in next(lines) for _ in range(3))
    keys.revoke_key(ApiKey.objects.get(scopes=["read"]))
    assert len(list(lines)) < 20


def test_a_revoked_key_hears_no_more(new_kiosk: NewKiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "LONGEST", 60)
    monkeypatch.setattr(event_stream, "QUIET", 0.01)
    kiosk = new_kiosk("read")
    lines = iter(kiosk.get("events/stream").streaming_content)
    assert next(lines).startswith(b"retry: ")
    assert next(lines) == b":\n\n"
    keys.revoke_key(ApiKey.objects.get())
    assert b"data" not in b"".join(lines)  # and it ends


def test_the_number_goes_on_over_what_was_not_wanted(
    new_kiosk: NewKiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "QUIET", 0.01)
    event = LoggedEvent.objects.create(type="attendance.out", subject=1, at=timezone.now())
    response = new_kiosk("read").get("events/stream", after=event.pk - 1, types="attendance.in")
    assert f"id: {event.pk}\n\n".encode() in list(response.streaming_content)


def test_ends_with_the_process(new_kiosk: NewKiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "LONGEST", 60)
    monkeypatch.setattr(event_stream, "PAUSE", 60)
    lines = iter(new_kiosk("read").get("events/stream").streaming_content)
    next(lines)
    streams.ending.set()
    assert list(lines) == []
