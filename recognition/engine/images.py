"""Bytes that someone sent -> an upright RGB picture, and back to JPEG.

This is where hostile files arrive: only a few formats are tried, the size is read from the header before any
pixel is decoded, and whatever a decoder raises becomes an `ImageError` with a code of `REASONS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from io import BytesIO
from math import isqrt
from threading import BoundedSemaphore

import cv2
import numpy as np
import PIL.Image
import pillow_heif
from PIL.TiffImagePlugin import TiffImageFile

from recognition.engine import heap
from recognition.engine.types import Image, ImageError

pillow_heif.register_heif_opener()

MAX_BYTES = 15 * 2**20
MAX_PIXELS = 50_000_000
# WebP is decoded into several canvases, AVIF into planes, a copy as bytes and the picture: 10 to 15 bytes a pixel at
# once, twice as many as the other formats.
SHARES = {"WEBP": 0.5, "AVIF": 0.5}
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "BMP", "GIF")
# Containers that may hold a second picture (preview, depth map, page) beside a still photo. The first counts.
STILL_CONTAINERS = ("MPO", "HEIF", "TIFF")
# What scanners and editors write. Pillow can read rarer ones, each with a decoder of its own.
TIFF_COMPRESSIONS = (
    "raw",
    "packbits",
    "tiff_lzw",
    "tiff_adobe_deflate",
    "tiff_deflate",
    "jpeg",
    "group3",
    "group4",
)
TILE_WIDTH, TILE_LENGTH = 322, 323  # tags of TIFF
ORIENTATION = 0x0112
TURNS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
DEEP = "IF"  # first letters of the modes of grey with more than eight bits
# Up to which value, and what one of 256 greys is then: shares, bytes, 16 bits, 32 bits.
RANGES = ((1.0, 1 / 255), (255.0, 1.0), (65535.0, 256.0), (float("inf"), 2.0**24))
WHITE = (255, 255, 255, 255)
BLOCK_PIXELS = 1_000_000  # converted at a time, of a picture that is shrunk

# A picture of 50 megapixels takes 250 to 400 MB while it is decoded. A web process has eight threads, and one
# sender could fill them all. Pictures that are small anyway, such as all enrolled photos, do not wait.
LARGE_PIXELS = 4_000_000
_large_ones = BoundedSemaphore(2)


def decode(
    data: bytes,
    *,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
    max_side: int | None = None,
) -> Image:
    """The picture as (height, width, 3) uint8 RGB, turned upright.

    max_pixels: by the header; half of it for WebP and AVIF. max_side: when given, the longer side of the result is at
    most this; large JPEGs are then decoded at a half, a quarter or an eighth of their size, which is several times
    faster.
    Raises ImageError with the code ``empty``, ``unreadable``, ``too_large`` or ``animated``.
    """
    if not data:
        raise ImageError("empty")
    if len(data) > max_bytes:
        raise ImageError("too_large", f"{len(data) / 2**20:.1f} MB")
    try:
        with PIL.Image.open(BytesIO(data), formats=FORMATS) as picture:
            _check(picture, max_pixels)
            if max_side is not None:
                _decode_smaller(picture, max_side)
            large = _may_be_large(picture)
            with _large_ones if large else nullcontext():
                image = _to_rgb(picture, max_side)
    except ImageError:
        raise
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise ImageError("too_large", "megapixels") from error
    except Exception as error:  # decoders raise almost anything on hostile bytes
        raise ImageError("unreadable") from error
    if large:
        heap.give_back()
    return image if max_side is None else bounded(image, max_side)


def encode_jpeg(image: Image, quality: int = 92) -> bytes:
    """JPEG bytes of the pixels alone: no EXIF, no place, no thumbnail survives."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise ImageError("unreadable", "cannot be encoded")
    return data.tobytes()


def bounded(image: Image, max_side: int = 2000) -> Image:
    """The picture, shrunk if its longer side is over ``max_side``."""
    height, width = image.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def surroundings(image: Image, box: Sequence[float], more: float) -> Image:
    """A copy of the part of the picture around a box (left, top, right, bottom). more: how much is added on each side,
    as a share of the box's longer one."""
    height, width = image.shape[:2]
    left, top, right, bottom = box
    margin = more * max(right - left, bottom - top)
    rows = slice(max(0, int(top - margin)), min(height, int(bottom + margin)))
    columns = slice(max(0, int(left - margin)), min(width, int(right + margin)))
    return image[rows, columns].copy()


def _check(picture: PIL.Image.Image, max_pixels: int) -> None:
    """Refuse by what the header says."""
    width, height = picture.size
    if width * height > max_pixels * SHARES.get(picture.format or "", 1):
        raise ImageError("too_large", f"{width} x {height}")
    if isinstance(picture, TiffImageFile):
        _check_tiff(picture, max_pixels)
    if getattr(picture, "is_animated", False) and picture.format not in STILL_CONTAINERS:
        raise ImageError("animated")


def _check_tiff(picture: TiffImageFile, max_pixels: int) -> None:
    """A tile may be larger than the picture, and is decoded whole."""
    if picture.info.get("compression") not in TIFF_COMPRESSIONS:
        raise ImageError("unreadable")
    if int(picture.tag_v2.get(TILE_WIDTH, 1)) * int(picture.tag_v2.get(TILE_LENGTH, 1)) > max_pixels:
        raise ImageError("too_large", "tiles")


def _may_be_large(picture: PIL.Image.Image) -> bool:
    """AVIF names its size twice, and the second one, which decides, is not read before it is decoded."""
    return picture.width * picture.height > LARGE_PIXELS or picture.format == "AVIF"


def _decode_smaller(picture: PIL.Image.Image, max_side: int) -> None:
    """Let the JPEG decoder skip detail that would be thrown away; other formats ignore this."""
    share = max_side / max(picture.size)
    if share < 1:
        width, height = picture.size
        picture.draft(None, (max(1, round(width * share)), max(1, round(height * share))))


def _to_rgb(picture: PIL.Image.Image, max_side: int | None) -> Image:
    """Shrunk and laid on white before it is turned: each of these makes a copy as large as what it is given."""
    picture.load()
    turn = TURNS.get(_orientation(picture))  # TIFF has turned itself by now, and says so
    step = _step(picture) if picture.mode[0] in DEEP else None
    if max_side is not None and (times := max(picture.size) // max_side) > 1:
        picture = _reduced(picture, times, step)
    else:
        picture = _plain(picture, 1, step)
    if turn is not None:
        picture = picture.transpose(turn)
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    return np.array(picture, np.uint8)  # a copy, since Pillow hands out read-only memory


def _orientation(picture: PIL.Image.Image) -> int:
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # a broken EXIF block does not make the pixels unusable
        return 1


def _reduced(picture: PIL.Image.Image, times: int, step: float | None) -> PIL.Image.Image:
    """So many times smaller and plain. Goes through blocks, so that no second large picture is made, however wide or
    high this one is."""
    width, height = picture.size
    small = PIL.Image.new("RGB" if step is None else "L", (-(-width // times), -(-height // times)))
    side = times * max(1, isqrt(BLOCK_PIXELS) // times)
    for top in range(0, height, side):
        for left in range(0, width, side):
            block = picture.crop((left, top, min(left + side, width), min(top + side, height)))
            small.paste(_plain(block, times, step), (left // times, top // times))
    return small


def _plain(picture: PIL.Image.Image, times: int, step: float | None) -> PIL.Image.Image:
    """RGB, or grey where there is a ``step``, so many times smaller and without transparency."""
    if step is not None:  # 16 or 32 bits or floats: Pillow would clip
        grey = np.nan_to_num(np.asarray(picture, np.float32) / np.float32(step))
        return _smaller(PIL.Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)), times)
    if not picture.has_transparency_data:
        return _smaller(picture if picture.mode == "RGB" else picture.convert("RGB"), times)
    picture = _smaller(picture.convert("RGBA"), times)
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", picture.size, WHITE), picture).convert("RGB")


def _step(picture: PIL.Image.Image) -> float:
    """How much of a deep picture's value is one of 256 greys: by the range that its kind of file is written in."""
    if picture.mode.startswith("I;"):
        return 256.0
    highest = np.nan_to_num(np.asarray(picture.getextrema(), np.float64), posinf=0)[1]
    return next(step for most, step in RANGES if highest <= most)


def _smaller(picture: PIL.Image.Image, times: int) -> PIL.Image.Image:
    return picture.reduce(times) if times > 1 else picture
