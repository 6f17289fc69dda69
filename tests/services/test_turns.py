"""Only so many pictures at once; who cannot be served in time is told so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from recognition.services import turns
from recognition.services.errors import Busy
from recognition.services.turns import Turns, in_turn
from tests.threads import PATIENCE


@contextmanager
def held(turns: Turns, count: int = 1) -> Iterator[None]:
    """So many other threads have a turn."""
    over = threading.Event()
    begun = threading.Barrier(count + 1)

    def work() -> None:
        with turns.turn():
            begun.wait(PATIENCE)
            over.wait(PATIENCE)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    begun.wait(PATIENCE)
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def take(turns: Turns) -> str:
    try:
        with turns.turn():
            return "served"
    except Busy as busy:
        return busy.code


def test_no_place_is_left() -> None:
    turns = Turns(2, 0, seconds=PATIENCE)
    with held(turns, 2):
        assert take(turns) == "overloaded"
    assert take(turns) == "served"


def test_the_time_is_up() -> None:
    turns = Turns(1, 5, seconds=0.01)
    with held(turns):
        assert [take(turns) for _ in range(9)] == ["overloaded"] * 9  # their places are given back
    assert take(turns) == "served"


def test_who_waits_gets_a_turn() -> None:
    turns = Turns(1, 5, seconds=PATIENCE)
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(take(turns))) for _ in range(5)]
    with held(turns):
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["served"] * 5


def test_a_turn_inside_a_turn_is_the_same() -> None:
    turns = Turns(1, 0, seconds=0)
    with turns.turn():
        assert take(turns) == "served"
        assert take(turns) == "served"
    with pytest.raises(KeyError), turns.turn():
        raise KeyError
    assert take(turns) == "served"


@pytest.fixture
def no_turn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All turns of this process are taken."""
    taken = Turns(1, 0, seconds=0)
    monkeypatch.setattr(turns, "_turns", taken)
    with held(taken):
        yield


def test_every_door_that_looks_at_pictures_waits_for_its_turn(no_turn: None) -> None:
    from recognition.services import liveness, recognition

    doors: list[Callable[..., object]] = [
        recognition.identify,
        recognition.verify_identity,
        recognition.verify_images,
        liveness.add_frames,
    ]
    for door in doors:
        with pytest.raises(Busy):
            door()  # before anything else is looked at


def test_the_function_keeps_its_name_and_answer() -> None:
    @in_turn
    def look(picture: bytes) -> int:
        return len(picture)

    assert (look(b"abc"), look.__name__) == (3, "look")


@pytest.mark.django_db
def test_kiosks_are_told_when_to_come_back(no_turn: None) -> None:
    from tests.api.kiosks import error_of, kiosk_with, upload
    from tests.fakes import person_jpeg

    answer = kiosk_with(["identify"]).post("identify", image=upload(person_jpeg(1)))
    assert error_of(answer, 503)["code"] == "overloaded"
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.django_db
def test_a_sign_in_that_was_not_looked_at_is_none_of_the_hour(no_turn: None, client, settings) -> None:
    from tests.api.kiosks import upload
    from tests.fakes import person_jpeg

    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"face_login_hourly": "1/h/ip"}
    for _ in range(3):
        answer = client.post(
            "/accounts/face/",
            {"photo": upload(person_jpeg(1))},
            headers={"x-requested-with": "XMLHttpRequest", "accept": "application/json"},
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert answer.headers["Retry-After"] == "1"


def test_first_come_first_served() -> None:
    """Also before a newcomer that is awake while those who were called are still waking up."""
    turns = Turns(1, 20, seconds=PATIENCE)
    order: list[int] = []
    asked = threading.Semaphore(0)

    def work(number: int) -> None:
        asked.release()
        with turns.turn():
            order.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    with held(turns):
        for number, thread in enumerate(threads):
            thread.start()
            asked.acquire()
            while len(turns._free._waiting) <= number:
                time.sleep(0.001)
    with turns.turn():
        assert order == list(range(8))
    for thread in threads:
        thread.join()


def test_who_is_called_in_the_last_moment_has_the_turn(monkeypatch) -> None:
    """Else it would be nobody's, and the process would serve one less for ever."""
    turns = Turns(1, 5, seconds=0.01)
    with turns.turn():

        class Called(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                turns._free.release()
                return False

        monkeypatch.setattr(threading, "Event", Called)
        assert turns._free.acquire(0.01)
