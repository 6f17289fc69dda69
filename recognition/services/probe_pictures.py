"""The picture of a probe as it was measured, for showing it with the boxes of its faces. It is kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from recognition.engine.images import encode_jpeg
from recognition.services.recognise import decode_probe


@dataclass(frozen=True, slots=True)
class Picture:
    """Upright, at most as large as probes are measured; boxes are in its pixels."""

    width: int
    height: int
    jpeg: bytes


def picture_of(data: bytes) -> Picture:
    """Raises Invalid when the bytes are no usable picture."""
    image = decode_probe(data)
    height, width = image.shape[:2]
    return Picture(width, height, encode_jpeg(image, quality=85))
