"""Films of fake people, and a network camera that plays them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

from recognition.engine.types import Image
from tests.fakes import GROUND, person_picture

WIDTH, HEIGHT = 640, 480


def frame(*people: tuple[int, int], size: int = 120, **how: object) -> Image:
    """(480, 640, 3) with a face for each pair of person and left edge."""
    image = np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8)
    for person, left in people:
        face = person_picture(person, size=size, **how)[
            size // 2 : size // 2 + size, size // 2 : size // 2 + size
        ]  # type: ignore[arg-type]
        image[160 : 160 + size, left : left + size] = face
    return image


@contextmanager
def playing(*frames: Image, fps: float = 20) -> Iterator[str]:
    """The address of a camera that plays these frames again and again."""
    jpegs = [cv2.imencode(".jpg", cv2.cvtColor(one, cv2.COLOR_RGB2BGR))[1].tobytes() for one in frames]

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=x")
            self.end_headers()
            number = 0
            while not stopped.is_set():
                jpeg = jpegs[number % len(jpegs)]
                number += 1
                head = f"--x\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
                try:
                    self.wfile.write(head + jpeg + b"\r\n")
                except OSError:
                    return
                time.sleep(1 / fps)

        def log_message(self, *_: object) -> None:
            pass

    stopped = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/live.mjpg"
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
