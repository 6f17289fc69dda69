"""Files and cameras: read, lost, opened again, written."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from recognition.engine import film
from recognition.engine.film import FilmWriter, LiveSource, SourceError, read_file


def picture(number: int) -> np.ndarray:
    """(48, 64, 3) of one grey that says which it is."""
    return np.full((48, 64, 3), 10 * number, np.uint8)


def number_of(image: np.ndarray) -> int:
    return round(float(image.mean()) / 10)


def written(path: Path, frames: int = 20, fps: float = 10) -> Path:
    writer = FilmWriter(path, fps=fps)
    for number in range(frames):
        writer.write(picture(number))
    writer.close()
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.avi", "A.MKV"])
def test_what_is_written_can_be_read(tmp_path, name):
    frames = list(read_file(str(written(tmp_path / name))))
    assert [number_of(frame.image) for frame in frames] == list(range(20))
    assert [round(frame.at, 3) for frame in frames] == [number / 10 for number in range(20)]


def test_colours_are_where_they_belong(tmp_path):
    writer = FilmWriter(tmp_path / "red.avi", fps=10)
    writer.write(np.full((48, 64, 3), (200, 30, 30), np.uint8))
    writer.close()
    (frame,) = read_file(str(tmp_path / "red.avi"))
    assert frame.image[..., 0].mean() > 180 > 60 > frame.image[..., 2].mean()


def test_no_more_frames_a_second_than_wanted(tmp_path):
    frames = read_file(str(written(tmp_path / "a.avi")), fps=3)
    assert [round(frame.at, 2) for frame in frames] == [0.0, 0.4, 0.7, 1.0, 1.4, 1.7]


@pytest.mark.parametrize("name", ["", "nowhere.mp4", "rtsp://", "/", "http://", "-1"])
def test_what_is_no_source(name):
    with pytest.raises(SourceError):
        film.open_source(name)


def test_a_file_that_is_no_film(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"hello" * 100)
    with pytest.raises(SourceError, match="cannot be opened"):
        list(read_file(str(tmp_path / "a.mp4")))


def test_a_name_that_says_no_codec(tmp_path):
    with pytest.raises(SourceError, match="Write the film as one of"):
        FilmWriter(tmp_path / "a.gif", fps=10)
    writer = FilmWriter(tmp_path / "missing" / "a.avi", fps=10)
    with pytest.raises(SourceError, match="cannot be written"):
        writer.write(picture(1))


@pytest.mark.parametrize(
    ("source", "live"),
    [
        ("0", True),
        ("rtsp://10.0.0.5/live", True),
        ("HTTPS://cam/x", True),
        ("film.mp4", False),
        ("file:///etc/passwd", False),
        ("concat:a|b", False),
        ("http:/x", False),
    ],
)
def test_what_is_live(source, live):
    assert film.is_live(source) == live


def test_passwords_are_not_shown():
    assert film.without_password("rtsp://ann:secret@10.0.0.5/live") == "rtsp://…@10.0.0.5/live"
    with pytest.raises(SourceError) as caught:
        film.open_source("http://ann:secret@127.0.0.1:9/live")
    assert "secret" not in str(caught.value)


class Camera(BaseHTTPRequestHandler):
    """A motion JPEG camera that counts up, fifty frames a second; `Camera.frames` is after how many it breaks off."""

    frames = 10**6
    asked = 0

    def do_GET(self) -> None:
        Camera.asked += 1
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=x")
        self.end_headers()
        for number in range(Camera.frames):
            jpeg = cv2.imencode(".jpg", picture(number % 20))[1].tobytes()
            head = f"--x\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
            try:
                self.wfile.write(head + jpeg + b"\r\n")
            except OSError:
                return
            time.sleep(0.02)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(monkeypatch) -> Iterator[str]:
    monkeypatch.setattr(Camera, "asked", 0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/live.mjpg"
    server.shutdown()
    server.server_close()
    thread.join()


def taken(source: LiveSource, seconds: float = 15) -> film.Frame:
    frame = source.next(seconds)
    assert frame is not None, source.trouble
    return frame


def test_whoever_is_slow_misses_frames_and_is_never_late(address):
    with LiveSource(address) as source:
        taken(source)
        time.sleep(0.5)
        frame = taken(source)
        assert time.monotonic() - frame.taken < 0.3
        assert source.missed > 5
        assert source.trouble == ""


def test_a_camera_that_breaks_off_is_opened_again(address, monkeypatch):
    monkeypatch.setattr(Camera, "frames", 10)
    monkeypatch.setattr(film, "FIRST_PAUSE", 0.05)
    with LiveSource(address) as source:
        deadline = time.monotonic() + 30
        while Camera.asked < 3 and time.monotonic() < deadline:
            source.next(0.2)
    assert Camera.asked >= 3


def test_one_that_is_not_there_says_so_and_goes_on_trying(monkeypatch):
    monkeypatch.setattr(film, "FIRST_PAUSE", 0.05)
    with LiveSource("http://127.0.0.1:9/live.mjpg") as source:
        assert source.next(1.0) is None
        assert "cannot be opened" in source.trouble
