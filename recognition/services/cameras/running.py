"""Watching files and live sources, and all cameras of the site at once."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from django.db import DatabaseError, close_old_connections, connection

from recognition.engine.film import Frame, LiveSource, read_file
from recognition.engine.images import encode_jpeg
from recognition.engine.types import EngineError, Image
from recognition.models import Camera
from recognition.services.analysis import follow_choice
from recognition.services.cameras.drawing import draw_labels
from recognition.services.cameras.stream import Publisher
from recognition.services.cameras.watcher import Label, Watcher

log = logging.getLogger(__name__)

STATE_PAUSE = 2.0  # seconds between two notes of how it goes
ROWS_PAUSE = 5.0  # seconds between two looks at the rows
SHOWN_PAUSE = 0.08  # seconds between two pictures for who looks on
SHOWN_SIDE, SHOWN_QUALITY = 960, 75
AGAIN = 5.0  # seconds after a camera failed in a way that nobody thought of
FPS = 12.0  # of a camera that is watched all the time: people do not move faster, and others need the processor, too
RECENT = 100  # frames that figures are made of

OnFrame = Callable[[Image, list[Label]], None]


@dataclass(slots=True)
class Figures:
    """How it goes. frames: that were watched. read, missed: of a live source, as `LiveSource` counts.

    delays: seconds from a frame's arrival until everything was known about it, of the last ones.
    """

    frames: int = 0
    read: int = 0
    missed: int = 0
    delays: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    moments: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def note(self, frame: Frame) -> None:
        now = time.monotonic()
        self.frames += 1
        self.delays.append(now - frame.taken)
        self.moments.append(now)

    @property
    def fps(self) -> float:
        """Of the last frames."""
        span = self.moments[-1] - self.moments[0] if len(self.moments) > 1 else 0.0
        return (len(self.moments) - 1) / span if span > 0 else 0.0

    @property
    def delay(self) -> float:
        """Seconds, the middle one of the last frames."""
        return sorted(self.delays)[len(self.delays) // 2] if self.delays else 0.0


def watch_file(
    path: str, watcher: Watcher, *, fps: float | None = None, on_frame: OnFrame = lambda *_: None
) -> Figures:
    """Every frame of a file, at most so many a second of the film; as fast as it goes. Raises SourceError."""
    figures = Figures()
    for frame in read_file(path, fps=fps):
        labels = watcher.look(frame.image, frame.at)
        figures.note(frame)
        on_frame(frame.image, labels)
    watcher.end()
    return figures


def watch_live(
    source: str,
    watcher: Watcher,
    *,
    stop: Callable[[], bool],
    fps: float | None = None,
    on_frame: OnFrame = lambda *_: None,
    on_pause: Callable[[Figures, str], None] = lambda *_: None,
) -> Figures:
    """The newest frames of a live source, at most so many a second, until it is time to stop. on_pause: called every
    two seconds with the figures and, where there are no pictures, why."""
    figures, told, due = Figures(), 0.0, 0.0
    with LiveSource(source) as live:
        while not stop():
            time.sleep(max(0.0, due - time.monotonic()))
            due = time.monotonic() + (1 / fps if fps else 0.0)
            frame = live.next(0.5)
            if frame is not None:
                labels = watcher.look(frame.image, frame.at)
                figures.note(frame)
                on_frame(frame.image, labels)
            figures.read, figures.missed = live.read, live.missed
            if time.monotonic() - told >= STATE_PAUSE:
                told = time.monotonic()
                close_old_connections()  # as between two requests
                on_pause(figures, live.trouble)
    watcher.end()
    return figures


def watch_all(stop: Callable[[], bool]) -> None:
    """Watch every camera that is a row and enabled, each in a thread, and follow changes of the rows, until it is time
    to stop."""
    running: dict[int, _Watched] = {}
    while not stop():
        rows = _rows()
        if rows is not None:
            for pk, watched in list(running.items()):
                if pk not in rows or rows[pk].updated_at != watched.since:
                    watched.end()
                    del running[pk]
            for pk in rows.keys() - running.keys():
                running[pk] = _Watched(rows[pk])
        _wait(ROWS_PAUSE, stop)
    for watched in running.values():
        watched.leave()
    for watched in running.values():
        watched.end()


def _rows() -> dict[int, Camera] | None:
    """None while the database does not answer: what is watched goes on."""
    try:
        close_old_connections()
        follow_choice()
        return {camera.pk: camera for camera in Camera.objects.filter(enabled=True) if camera.source}
    except DatabaseError as error:
        log.error("cameras cannot be read: %s", error)
        return None


class _Watched:
    """One camera in its thread."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.since: datetime = camera.updated_at
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"camera {camera.name}", daemon=True)
        self._thread.start()

    def leave(self) -> None:
        self._stop.set()

    def end(self) -> None:
        self.leave()
        self._thread.join(10)

    def _run(self) -> None:
        publisher = Publisher(self.camera.pk)
        try:
            while not self._stop.is_set():
                try:
                    self._watch(publisher)
                except EngineError as error:
                    log.error("camera %s: %s", self.camera.name, error)
                    publisher.tell(trouble=str(error))
                except Exception:  # one camera must not end the others
                    log.exception("camera %s failed and is started again", self.camera.name)
                self._stop.wait(AGAIN)
        finally:
            publisher.close()
            with suppress(DatabaseError):
                connection.close()

    def _watch(self, publisher: Publisher) -> None:
        watcher = Watcher(camera=self.camera)
        shown = 0.0

        def show(image: Image, labels: list[Label]) -> None:
            nonlocal shown
            if time.monotonic() - shown >= SHOWN_PAUSE and publisher.wanted():
                shown = time.monotonic()
                publisher.show(encode_jpeg(draw_labels(image, labels, most=SHOWN_SIDE), SHOWN_QUALITY))

        def tell(figures: Figures, trouble: str) -> None:
            publisher.tell(
                fps=round(figures.fps, 1),
                delay_ms=round(1000 * figures.delay),
                faces=watcher.faces,
                read=figures.read,
                missed=figures.missed,
                trouble=trouble,
            )

        watch_live(self.camera.source, watcher, stop=self._stop.is_set, fps=FPS, on_frame=show, on_pause=tell)


def _wait(seconds: float, stop: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not stop() and time.monotonic() < end:
        time.sleep(0.2)
