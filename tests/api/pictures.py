"""Files that are no photos one can use, each with the error that it has to get."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import PIL.Image

from tests.fakes import person_jpeg, person_picture


def saved(picture: PIL.Image.Image, kind: str, **how: object) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, **how)
    return buffer.getvalue()


def face(person: int = 0) -> PIL.Image.Image:
    return PIL.Image.fromarray(person_picture(person))


def huge_png(side: int = 30_000) -> bytes:
    """A whole, valid black-and-white picture: 0.1 MB that would become 900 MB."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    pixels = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def animated_gif() -> bytes:
    return saved(face(0), "GIF", save_all=True, append_images=[face(1)], duration=100)


UNUSABLE = {
    "zero bytes": (b"", 422, "empty"),
    "text": (b"This is not a picture.", 422, "unreadable"),
    "html": (b"<html><script>alert(1)</script></html>", 422, "unreadable"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422, "unreadable"),
    "null bytes": (bytes(10_000), 422, "unreadable"),
    "truncated JPEG": (person_jpeg(0)[: len(person_jpeg(0)) // 2], 422, "unreadable"),
    "a JPEG's first bytes": (person_jpeg(0)[:10], 422, "unreadable"),
    "30,000 x 30,000 PNG": (huge_png(), 413, "too_large"),
    "animated GIF": (animated_gif(), 422, "animated"),
    "animated AVIF": (
        saved(face(0), "AVIF", save_all=True, append_images=[face(1)], duration=100),
        422,
        "animated",
    ),
    "truncated TIFF": (saved(face(), "TIFF", compression="tiff_lzw")[:-500], 422, "unreadable"),
    "over 15 MB": (person_jpeg(0) + bytes(15 * 2**20), 413, "too_large"),
}
USABLE = {
    "CMYK JPEG": saved(face().convert("CMYK"), "JPEG", quality=95),
    "16-bit PNG": saved(PIL.Image.fromarray(np.asarray(face().convert("L")).astype(np.uint16) * 257), "PNG"),
    "RGBA PNG": saved(face().convert("RGBA"), "PNG"),
    "palette PNG": saved(face().convert("P"), "PNG"),
    "still GIF": saved(face(), "GIF"),
    "WebP": saved(face(), "WEBP", quality=95),
    "HEIC": saved(face(), "HEIF", quality=95),
    "BMP": saved(face(), "BMP"),
    "AVIF": saved(face(), "AVIF", quality=90),
    "TIFF": saved(face(), "TIFF", compression="tiff_lzw"),
    "TIFF of two pages": saved(face(), "TIFF", save_all=True, append_images=[face(1)]),
}
