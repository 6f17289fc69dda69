from __future__ import annotations

import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Event, Semaphore

import numpy as np
import PIL.Image
import pillow_heif
import pytest

from recognition.engine import images
from recognition.engine.images import bounded, decode, encode_jpeg
from recognition.engine.types import ImageError


def saved(picture: PIL.Image.Image, kind: str, **how: object) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, **how)
    return buffer.getvalue()


def scene(width: int = 80, height: int = 60) -> PIL.Image.Image:
    """Red at the left, blue at the right, bright at the top."""
    x = np.linspace(0, 1, width)[None, :, None]
    y = np.linspace(1, 0.4, height)[:, None, None]
    return PIL.Image.fromarray(((x * [0, 0, 255] + (1 - x) * [255, 0, 0]) * y).astype(np.uint8))


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP", "JPEG", "HEIF", "GIF", "AVIF", "TIFF"])
def test_reads_the_common_formats(kind: str) -> None:
    image = decode(saved(scene(), kind))
    assert image.shape == (60, 80, 3)
    assert image.dtype == np.uint8
    assert image.flags.writeable
    assert image[5, 2, 0] > 150 > image[5, 2, 2]
    assert image[5, -3, 2] > 150 > image[5, -3, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_turns_the_picture_upright(kind: str, orientation: int) -> None:
    upright = scene()
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    # The transposition that the viewer's one undoes.
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright if orientation == 1 else upright.transpose(PIL.Image.Transpose(undo[orientation]))
    image = decode(saved(stored, kind, exif=exif.tobytes(), quality=95))
    assert image.shape == (60, 80, 3)
    assert np.abs(image.astype(int) - np.asarray(upright)).mean() < 8


def test_turns_heif_once() -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    image = decode(saved(scene(), "HEIF", exif=exif.tobytes()))
    assert image.shape == (80, 60, 3)


def test_a_broken_exif_block_does_not_matter() -> None:
    image = decode(saved(scene(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
    assert image.shape == (60, 80, 3)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "LA", "RGBA", "I;16"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    grey = np.full((20, 30), 200, np.uint8)
    if mode == "I;16":
        picture = PIL.Image.fromarray(grey.astype(np.uint16) << 8)
    else:
        picture = PIL.Image.fromarray(grey).convert(mode)
    image = decode(saved(picture, "JPEG" if mode == "CMYK" else "PNG"))
    assert image.shape == (20, 30, 3)
    if mode != "1":
        assert np.abs(image.astype(int) - 200).max() < 5


@pytest.mark.parametrize("compression", ["raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "RGBA", "P", "1"])
def test_tiff_as_scanners_write_it(mode: str, compression: str) -> None:
    if compression == "jpeg" and mode in ("RGBA", "P", "1"):
        pytest.skip("there is no such file")
    picture = PIL.Image.fromarray(np.full((60, 80), 200, np.uint8)).convert(mode)
    image = decode(saved(picture, "TIFF", compression=compression))
    assert image.shape == (60, 80, 3)
    if mode != "1":
        assert np.abs(image.astype(int) - 200).max() < 8


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_tiff_as_fax_machines_write_it(compression: str) -> None:
    picture = PIL.Image.fromarray((np.arange(80) < 40)[None].repeat(60, 0))
    image = decode(saved(picture, "TIFF", compression=compression))
    assert image[:, :40].min() == 255
    assert image[:, 40:].max() == 0


@pytest.mark.parametrize(
    ("kind", "white"),
    [
        (np.float32, 1.0),
        (np.float32, 255.0),
        (np.float32, 65535.0),
        (np.uint16, 65535),
        (np.int32, 2**31 - 2**23),
    ],
)
def test_deep_greys_keep_their_range(kind: type, white: float) -> None:
    """As shares, as bytes, with 16 and with 32 bits."""
    values = np.linspace(0, 1, 80) * white
    picture = PIL.Image.fromarray(values.astype(kind)[None].repeat(60, 0))
    image = decode(saved(picture, "TIFF"))
    expected = np.linspace(0, 255 if kind is not np.int32 else 127.5, 80)
    assert np.abs(image[30, :, 1] - expected).max() < 1.6


def test_floats_that_are_no_numbers_are_dark() -> None:
    values = np.full((60, 80), 0.5, np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = decode(saved(PIL.Image.fromarray(values), "TIFF"))
    assert image.shape == (60, 80, 3)


def test_of_several_pages_the_first_counts() -> None:
    data = saved(scene(), "TIFF", save_all=True, append_images=[scene(40, 30)])
    assert decode(data).shape == (60, 80, 3)


@pytest.mark.parametrize("compression", ["zstd", "lzma"])
def test_refuses_tiff_with_rare_compressions(compression: str) -> None:
    with pytest.raises(ImageError) as raised:
        decode(saved(scene(), "TIFF", compression=compression))
    assert raised.value.code == "unreadable"


def tiff(**tags: int) -> bytes:
    """A little-endian TIFF with these tags and next to no data. Names are those of the specification."""
    numbers = {
        "width": 256,
        "length": 257,
        "bits": 258,
        "compression": 259,
        "photometric": 262,
        "offsets": 273,
    }
    numbers |= {"samples": 277, "rows": 278, "counts": 279, "tile_width": 322, "tile_length": 323}
    numbers |= {"tile_offsets": 324, "tile_counts": 325}
    entries = sorted((numbers[name], value) for name, value in tags.items())
    body = b"".join(struct.pack("<HHII", number, 4, 1, value) for number, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4) + zlib.compress(bytes(5000))


PLAIN = {"bits": 8, "compression": 8, "photometric": 1, "samples": 1}


@pytest.mark.parametrize("side", [8_000, 60_000, 2**31, 2**32 - 1])
def test_refuses_a_tiff_bomb_by_its_header(side: int) -> None:
    with pytest.raises(ImageError) as raised:
        decode(tiff(width=side, length=side, offsets=200, counts=4000, rows=side, **PLAIN))
    assert raised.value.code == "too_large"


@pytest.mark.parametrize("side", [10_000, 60_000, 2**31])
def test_refuses_a_small_tiff_of_huge_tiles(side: int) -> None:
    tiles = {"tile_width": side, "tile_length": side, "tile_offsets": 200, "tile_counts": 4000}
    with pytest.raises(ImageError) as raised:
        decode(tiff(width=100, length=100, **tiles, **PLAIN))
    assert raised.value.code in ("too_large", "unreadable")


def test_pages_that_point_at_one_another_end() -> None:
    data = bytearray(saved(scene(), "TIFF"))
    start = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0]
    struct.pack_into("<I", data, start + 2 + 12 * count, start)
    assert decode(bytes(data)).shape == (60, 80, 3)


def test_transparent_parts_are_white() -> None:
    pixels = np.zeros((10, 10, 4), np.uint8)
    pixels[:, 5:] = (0, 0, 0, 255)
    for picture in (PIL.Image.fromarray(pixels), PIL.Image.fromarray(pixels).quantize(4)):
        image = decode(saved(picture, "PNG"))
        assert image[5, 1].min() > 250
        assert image[5, 8].max() < 5


@pytest.mark.parametrize(
    "data",
    [
        b"hello, I am no picture",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.4\n",
        b"GIF89a",
        b"PK\x03\x04" + saved(scene(), "JPEG"),
        saved(scene(400, 300), "JPEG", quality=95)[:4000],
        saved(scene(), "PNG")[:-60],
        saved(scene(), "TIFF", compression="tiff_lzw")[:-100],
        saved(scene(), "AVIF")[:-100],
        saved(scene(), "PPM"),
        saved(scene(), "HEIF")[:300],
        bytes(100),
    ],
    ids=[
        "text",
        "png",
        "jpeg",
        "svg",
        "pdf",
        "gif",
        "zip",
        "cut jpeg",
        "cut png",
        "cut tiff",
        "cut avif",
        "ppm",
        "heif",
        "nul",
    ],
)
def test_refuses_what_is_no_whole_picture(data: bytes) -> None:
    with pytest.raises(ImageError) as raised:
        decode(data)
    assert raised.value.code == "unreadable"


def test_the_rest_of_a_polyglot_does_not_survive() -> None:
    data = saved(scene(), "JPEG") + b"<script>alert(1)</script>PK\x03\x04"
    assert b"script" not in encode_jpeg(decode(data))


def test_refuses_an_empty_file() -> None:
    with pytest.raises(ImageError) as raised:
        decode(b"")
    assert raised.value.code == "empty"


@pytest.mark.parametrize("side", [8_000, 12_000, 30_000, 200_000])
def test_refuses_a_bomb_by_its_header(side: int) -> None:
    with pytest.raises(ImageError) as raised:
        decode(png_header(side, side))
    assert raised.value.code == "too_large"


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_some_may_have_half_as_many_pixels(kind: str) -> None:
    assert decode(saved(scene(80, 60), "PNG"), max_pixels=9_000).shape == (60, 80, 3)
    with pytest.raises(ImageError) as raised:
        decode(saved(scene(80, 60), kind), max_pixels=9_000)
    assert raised.value.code == "too_large"


def test_refuses_too_many_bytes_unread() -> None:
    with pytest.raises(ImageError) as raised:
        decode(bytes(11), max_bytes=10)
    assert raised.value.code == "too_large"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_refuses_animations(kind: str) -> None:
    data = saved(scene(), kind, save_all=True, append_images=[scene().rotate(90)], duration=100)
    with pytest.raises(ImageError) as raised:
        decode(data)
    assert raised.value.code == "animated"


def test_a_photo_with_a_preview_inside_is_no_animation() -> None:
    data = saved(scene(), "MPO", save_all=True, append_images=[scene(40, 30)])
    assert decode(data).shape == (60, 80, 3)


def test_of_a_heif_with_several_pictures_the_primary_counts() -> None:
    file = pillow_heif.from_pillow(scene())
    file.add_from_pillow(scene(40, 30))
    buffer = BytesIO()
    file.save(buffer)
    assert decode(buffer.getvalue()).shape == (60, 80, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(1600, 1200), (1200, 1600), (3000, 20)])
def test_bounds_while_decoding(kind: str, size: tuple[int, int]) -> None:
    image = decode(saved(scene(*size), kind), max_side=400)
    assert max(image.shape) == 400
    whole = decode(saved(scene(*size), kind))
    assert np.abs(image.astype(int) - bounded(whole, 400)).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "I;16"])
def test_what_is_turned_and_shrunk_is_the_same_picture(mode: str, orientation: int) -> None:
    picture = scene(1600, 1203)
    if mode == "I;16":
        picture = PIL.Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) << 8)
    else:
        picture = picture.convert(mode)
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    data = saved(picture, "PNG", exif=exif.tobytes(), **({"transparency": 3} if mode == "P" else {}))
    image, whole = decode(data, max_side=400), bounded(decode(data), 400)
    assert image.shape == whole.shape
    assert np.abs(image.astype(int) - whole).mean() < 3


HOW_MUCH_MEMORY = """
import sys
from recognition.engine import images

def highest():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024

data = sys.stdin.buffer.read()
before = highest()
images.decode(data, max_side=2000)
print(highest() - before)
"""


@pytest.mark.parametrize(("kind", "most"), [("AVIF", 12), ("TIFF", 9)])
def test_memory_for_a_large_picture_of_other_formats(kind: str, most: int) -> None:
    """AVIF, which takes more, may have half as many pixels."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    how = {"speed": 10} if kind == "AVIF" else {"compression": "tiff_lzw"}
    data = saved(PIL.Image.new("RGB", (5000, 5000)), kind, exif=exif.tobytes(), **how)
    script = [sys.executable, "-c", HOW_MUCH_MEMORY]
    done = subprocess.run(script, input=data, capture_output=True, check=True, timeout=180)
    assert int(done.stdout) / 5000**2 < most


@pytest.mark.parametrize("size", [(5000, 5000), (250_000, 100), (100, 250_000)])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("mode", ["I;16", "LA", "RGBA", "P"])
def test_memory_for_a_large_picture(mode: str, orientation: int, size: tuple[int, int]) -> None:
    """Decoded, it takes 4 bytes a pixel; not much may come to that."""
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    data = saved(PIL.Image.new(mode, size), "PNG", exif=exif.tobytes(), compress_level=1)
    script = [sys.executable, "-c", HOW_MUCH_MEMORY]
    done = subprocess.run(script, input=data, capture_output=True, check=True, timeout=180)
    assert int(done.stdout) / 5000**2 < 8


def test_only_few_large_pictures_are_decoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = saved(scene(80, 60), "PNG"), saved(scene(30, 20), "PNG")
    begun: list[int] = []
    go_on, two_begun = Event(), Semaphore(0)
    real = images._to_rgb

    def slow(picture: PIL.Image.Image, max_side: int | None) -> np.ndarray:
        if picture.width == 80:
            begun.append(1)
            two_begun.release()
            assert go_on.wait(10)
        return real(picture, max_side)

    monkeypatch.setattr(images, "LARGE_PIXELS", 80 * 60 - 1)
    monkeypatch.setattr(images, "_to_rgb", slow)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(decode, large) for _ in range(4)]
        for _ in range(2):
            assert two_begun.acquire(timeout=10)
        assert decode(small).shape == (20, 30, 3)
        assert not two_begun.acquire(timeout=0.2)
        assert len(begun) == 2
        go_on.set()
        assert [one.result(10).shape for one in waiting] == [(60, 80, 3)] * 4


def test_bounded_leaves_small_pictures_alone() -> None:
    image = np.zeros((10, 20, 3), np.uint8)
    assert bounded(image, 20) is image
    assert bounded(np.zeros((1, 5000, 3), np.uint8), 100).shape == (1, 100, 3)


def test_no_metadata_survives() -> None:
    exif = PIL.Image.Exif()
    exif[0x010E] = "taken at home"
    data = encode_jpeg(decode(saved(scene(), "JPEG", exif=exif.tobytes(), comment=b"secret")))
    picture = PIL.Image.open(BytesIO(data))
    assert not picture.getexif()
    assert b"taken at home" not in data
    assert b"secret" not in data
    assert np.abs(decode(data).astype(int) - np.asarray(scene())).mean() < 8
