"""Bytes that someone sent -> an upright RGB picture, and back to JPEG.

This is where hostile files arrive: only a few formats are tried, the size is read from the header before any
pixel is decoded, and whatever a decoder raises becomes an `ImageError` with a code of `REASONS`.
"""

from __future__ import annotations

from contextlib import nullcontext
from io import BytesIO
from threading import BoundedSemaphore

import cv2
import numpy as np
import PIL.Image
import pillow_heif

from recognition.engine.types import Image, ImageError

pillow_heif.register_heif_opener()

MAX_BYTES = 15 * 2**20
MAX_PIXELS = 50_000_000
# Pillow decodes WebP into several canvases: 15 bytes a pixel at once, twice as many as the other formats.
WEBP_SHARE = 0.5
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "BMP", "GIF")
# Containers that may hold a second picture (preview, depth map) beside a still photo.
STILL_CONTAINERS = ("MPO", "HEIF")
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
WHITE = (255, 255, 255, 255)
BAND_PIXELS = 1_000_000  # converted at a time, of a picture that is shrunk

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

    max_pixels: by the header; half of it for WebP. max_side: when given, the longer side of the result is at most
    this; large JPEGs are then decoded at a half, a quarter or an eighth of their size, which is several times faster.
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
            with _large_ones if picture.width * picture.height > LARGE_PIXELS else nullcontext():
                image = _to_rgb(picture, max_side)
    except ImageError:
        raise
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise ImageError("too_large", "megapixels") from error
    except Exception as error:  # decoders raise almost anything on hostile bytes
        raise ImageError("unreadable") from error
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


def _check(picture: PIL.Image.Image, max_pixels: int) -> None:
    """Refuse by what the header says."""
    width, height = picture.size
    if width * height > max_pixels * (WEBP_SHARE if picture.format == "WEBP" else 1):
        raise ImageError("too_large", f"{width} x {height}")
    if getattr(picture, "is_animated", False) and picture.format not in STILL_CONTAINERS:
        raise ImageError("animated")


def _decode_smaller(picture: PIL.Image.Image, max_side: int) -> None:
    """Let the JPEG decoder skip detail that would be thrown away; other formats ignore this."""
    share = max_side / max(picture.size)
    if share < 1:
        width, height = picture.size
        picture.draft(None, (max(1, round(width * share)), max(1, round(height * share))))


def _to_rgb(picture: PIL.Image.Image, max_side: int | None) -> Image:
    """Shrunk before it is turned or laid on white: each of these makes a copy as large as what it is given."""
    turn = TURNS.get(_orientation(picture))
    picture.load()
    deep = picture.mode.startswith("I")
    transparent = not deep and picture.has_transparency_data
    wanted = "L" if deep else "RGBA" if transparent else "RGB"
    if max_side is not None and (times := max(picture.size) // max_side) > 1:
        picture = _reduced(picture, wanted, times)
    else:
        picture = _converted(picture, wanted)
    if turn is not None:
        picture = picture.transpose(turn)
    if transparent:
        ground = PIL.Image.new("RGBA", picture.size, WHITE)
        picture = PIL.Image.alpha_composite(ground, picture)
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    return np.array(picture, np.uint8)  # a copy, since Pillow hands out read-only memory


def _orientation(picture: PIL.Image.Image) -> int:
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # a broken EXIF block does not make the pixels unusable
        return 1


def _reduced(picture: PIL.Image.Image, wanted: str, times: int) -> PIL.Image.Image:
    """So many times smaller, and in the wanted mode. Goes through bands, so that no second large picture is made."""
    width, height = picture.size
    small = PIL.Image.new(wanted, (-(-width // times), -(-height // times)))
    rows = times * max(1, BAND_PIXELS // (width * times))
    for top in range(0, height, rows):
        band = picture.crop((0, top, width, min(top + rows, height)))
        small.paste(_converted(band, wanted).reduce(times), (0, top // times))
    return small


def _converted(picture: PIL.Image.Image, wanted: str) -> PIL.Image.Image:
    if picture.mode.startswith("I"):  # 16 bits of grey: keep the upper eight, Pillow would clip
        return PIL.Image.fromarray(np.clip(np.asarray(picture) >> 8, 0, 255).astype(np.uint8))
    return picture if picture.mode == wanted else picture.convert(wanted)
