"""Moving pictures: files, webcams and network cameras, and files that are written.

A live source is read by a thread that keeps the newest frame only: whoever is slow misses frames and is never late.
When it is lost it is opened again, waiting longer each time.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from recognition.engine.types import EngineError, Image

OPEN_SECONDS, READ_SECONDS = 10.0, 10.0
STOP_SECONDS = 2.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between two attempts to open a source again
NETWORK = re.compile(r"(rtsps?|https?)://[^\s/]", re.IGNORECASE)
CODECS = {".mp4": "mp4v", ".webm": "VP80", ".avi": "MJPG", ".mkv": "mp4v"}
USUAL_FPS = 25.0
# What a network camera may make the decoder open: nothing of this machine.
NETWORK_OPTIONS = (
    "protocol_whitelist;rtsp,rtp,udp,tcp,tls,http,https,httpproxy|rtsp_transport;tcp|fflags;nobuffer"
)
FILE_OPTIONS = "protocol_whitelist;file"

_opening = threading.Lock()


class SourceError(EngineError):
    """The source cannot be opened; the text says why and what to do. It may work later."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """image: (height, width, 3) RGB. at: seconds, rising; of a file, from its beginning. taken: when it reached this
    machine, by `time.monotonic`."""

    image: Image
    at: float
    taken: float


def is_network(source: str) -> bool:
    return NETWORK.match(source) is not None


def is_live(source: str) -> bool:
    """A webcam's number or a network camera; anything else is a file."""
    return source.isdigit() or is_network(source)


def without_password(source: str) -> str:
    """As it may be shown."""
    return re.sub(r"(?<=://)[^/@\s]*@", "…@", source)


def open_source(source: str) -> cv2.VideoCapture:
    """Raises SourceError."""
    with _opening:  # the options are those of the process
        if source.isdigit():
            capture = cv2.VideoCapture(int(source))
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, 1280)
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, 720)
        else:
            network = is_network(source)
            if not network and not Path(source).is_file():
                raise SourceError(f"{source} is no file, no webcam's number and no address of a camera.")
            os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = NETWORK_OPTIONS if network else FILE_OPTIONS
            limits = {
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: int(1000 * OPEN_SECONDS),
                cv2.CAP_PROP_READ_TIMEOUT_MSEC: int(1000 * READ_SECONDS),
            }
            capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG, [n for pair in limits.items() for n in pair])
    if not capture.isOpened():
        capture.release()
        raise SourceError(
            f"{without_password(source)} cannot be opened. Is it there, and is it a film or a camera?"
        )
    return capture


def read_file(path: str, *, fps: float | None = None) -> Iterator[Frame]:
    """The frames of a file, at most so many a second of the film. Raises SourceError."""
    capture = open_source(path)
    try:
        usual = _fps(capture)
        number, due = 0, 0.0
        while capture.grab():
            at = number / usual
            number += 1
            if fps is not None and at + 1e-6 < due:
                continue
            due = max(due + (1 / fps if fps else 0), at)
            found, image = capture.retrieve()
            if found:
                yield Frame(_rgb(image), at, time.monotonic())
    finally:
        capture.release()


class LiveSource:
    """The newest frame of a webcam or network camera."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.read = 0  # frames that arrived
        self.missed = 0  # of these, those that nobody took
        self.trouble = ""  # why there is none at present
        self._frame: Frame | None = None
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)

    def __enter__(self) -> LiveSource:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(STOP_SECONDS)  # one that waits for a camera ends with the process

    def next(self, seconds: float) -> Frame | None:
        """The newest frame that was not taken yet; waits for one at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None, seconds)
            frame, self._frame = self._frame, None
            return frame

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            try:
                capture = open_source(self.source)
            except SourceError as error:
                self.trouble = str(error)
                self._stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            try:
                if self._read_from(capture):
                    pause = FIRST_PAUSE
            finally:
                capture.release()
            if not self._stop.is_set():
                self.trouble = f"{without_password(self.source)} gives no more pictures; it is opened again."
                self._stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _read_from(self, capture: cv2.VideoCapture) -> bool:
        """Until it ends; whether there was anything."""
        anything = False
        while not self._stop.is_set():
            found, image = capture.read()
            if not found:
                return anything
            anything, self.trouble = True, ""
            now = time.monotonic()
            with self._changed:
                self.read += 1
                self.missed += self._frame is not None
                self._frame = Frame(_rgb(image), now, now)
                self._changed.notify()
        return anything


class FilmWriter:
    """Writes frames of one size into a file; its ending says how: .mp4, .webm, .avi, .mkv. Raises SourceError."""

    def __init__(self, path: Path, *, fps: float) -> None:
        if path.suffix.lower() not in CODECS:
            raise SourceError(f"Write the film as one of {', '.join(CODECS)}.")
        self._path, self._fps = path, fps
        self._writer: cv2.VideoWriter | None = None

    def write(self, image: Image) -> None:
        if self._writer is None:
            codec = cv2.VideoWriter.fourcc(*CODECS[self._path.suffix.lower()])
            size = (image.shape[1], image.shape[0])
            self._writer = cv2.VideoWriter(str(self._path), codec, self._fps, size)
            if not self._writer.isOpened():
                raise SourceError(f"{self._path} cannot be written.")
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.release()


def file_fps(path: str) -> float:
    """Frames a second of a file. Raises SourceError."""
    capture = open_source(path)
    try:
        return _fps(capture)
    finally:
        capture.release()


def _fps(capture: cv2.VideoCapture) -> float:
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    return fps if 1 <= fps <= 240 else USUAL_FPS


def _rgb(image: np.ndarray) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
