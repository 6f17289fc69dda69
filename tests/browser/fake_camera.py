"""How Chromium is started for the tests, and the film that its fake camera plays."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from recognition.engine.images import decode

QUIET = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP insecure.example 127.0.0.1",
]
WIDTH, HEIGHT = 640, 480


def arguments(camera: Path | None) -> list[str]:
    """Command line of Chromium; with a film, its camera plays that and its visitor allows it."""
    chosen = [*QUIET]
    if os.geteuid() == 0:
        chosen.append("--no-sandbox")
    if camera is not None:
        chosen += [
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={camera}",
        ]
    return chosen


def film(picture: bytes, path: Path, *, moving: bool = False) -> Path:
    """A short motion JPEG of this picture on a grey 640x480 ground, as Chromium's fake camera plays it.

    moving: it shakes a little all the time.
    """
    image = decode(picture)
    scale = min(WIDTH / image.shape[1], HEIGHT / image.shape[0])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    ground = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    top, left = (HEIGHT - size[1]) // 2, (WIDTH - size[0]) // 2
    ground[top : top + size[1], left : left + size[0]] = small
    shakes = (0, 24) if moving else (0,)
    frames = [_jpeg(np.roll(ground, shake, axis=1)) * 5 for shake in shakes]
    part = path.with_suffix(".part")
    part.write_bytes(b"".join(frames) * (2 // len(frames)))
    part.replace(path)  # Chromium may still play what was there
    return path


def _jpeg(image: np.ndarray) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert done
    return bytes(jpeg)
