"""A worker does not go on without the timetable that it is to keep."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from types import SimpleNamespace

import pytest

from identity_site import celery


class Beat:
    """A process, as Celery holds its beat."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(["sleep", "600"])

    def is_alive(self) -> bool:
        return self.process.poll() is None


def sender(beat: Beat | None) -> SimpleNamespace:
    return SimpleNamespace(controller=SimpleNamespace(beat=beat) if beat else SimpleNamespace())


@pytest.mark.faults
def test_the_worker_ends_when_its_beat_was_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    told = threading.Event()
    monkeypatch.setattr(celery, "BEAT_LOOK_SECONDS", 0.01)
    own = SimpleNamespace(getpid=os.getpid, kill=lambda *what: (sent.append(what), told.set()))
    monkeypatch.setattr(celery, "os", own)
    beat = Beat()
    celery.end_without_timetable(sender=sender(beat))
    assert not told.wait(0.2)  # as long as it lives nothing happens
    beat.process.kill()
    assert told.wait(30)
    assert sent == [(os.getpid(), signal.SIGTERM)]
    beat.process.wait()


def test_a_worker_without_beat_watches_none() -> None:
    before = threading.active_count()
    celery.end_without_timetable(sender=sender(None))
    assert threading.active_count() == before
