"""Shows the image door thousands of damaged files: ``python -m tests.engine.mutated_images 8000``.

Prints what came of them as JSON. Each file follows from the seed and its number alone, so what happened to one can be
seen again: ``... 1 --first NUMBER``. The number is written to ``--mark`` before each, for a process that dies.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import time
import zlib
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pillow_heif

from recognition.engine.images import decode
from recognition.engine.types import ImageError

MAX_SIDE = 2000
NUMBERS = (
    0,
    1,
    2,
    7,
    8,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFE,
    0xFFFFFFFF,
)


def whole_files() -> dict[str, bytes]:
    """A small file of every kind that is accepted, by format and how it is written."""
    x, y = np.linspace(0, 1, 80)[None, :, None], np.linspace(1, 0.4, 60)[:, None, None]
    colours = PIL.Image.fromarray(((x * [0, 90, 255] + (1 - x) * [255, 40, 0]) * y).astype(np.uint8))
    grey, see_through = colours.convert("L"), colours.convert("RGBA")
    see_through.putalpha(grey)
    deep = PIL.Image.fromarray(np.asarray(grey, np.uint16) << 8)
    shares = PIL.Image.fromarray(np.asarray(grey, np.float32) / 255)
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A camera"

    files: dict[str, bytes] = {}

    def add(name: str, picture: PIL.Image.Image, **how: object) -> None:
        buffer = BytesIO()
        picture.save(buffer, name.split()[0], **how)
        files[name] = buffer.getvalue()

    add("JPEG", colours, exif=exif.tobytes(), quality=90)
    add("JPEG progressive", colours, progressive=True)
    add("JPEG grey", grey)
    add("JPEG CMYK", colours.convert("CMYK"))
    add("MPO", colours, save_all=True, append_images=[grey])
    add("PNG", colours, exif=exif.tobytes())
    add("PNG alpha", see_through)
    add("PNG deep", deep)
    add("PNG palette", colours.quantize(32), transparency=3)
    add("WEBP", colours, exif=exif.tobytes())
    add("WEBP lossless", see_through, lossless=True)
    add("HEIF", colours, exif=exif.tobytes())
    add("HEIF alpha", see_through)
    add("AVIF", colours, exif=exif.tobytes(), speed=10)
    add("AVIF alpha", see_through, speed=10)
    for compression in ("raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg"):
        add(f"TIFF {compression}", colours, compression=compression)
    for compression in ("group3", "group4"):
        add(f"TIFF {compression}", grey.convert("1"), compression=compression)
    add("TIFF deep", deep, exif=exif.tobytes())
    add("TIFF floats", shares)
    add("TIFF pages", colours, save_all=True, append_images=[colours.rotate(90)], compression="tiff_lzw")
    add("BMP", colours)
    add("BMP palette", colours.quantize(16))
    add("GIF", colours.quantize(64))
    return files


def mutated(number: int, whole: dict[str, bytes], seed: int) -> tuple[str, bytes]:
    """The name of the kind, and a file that once was one of it."""
    names = list(whole)
    name = names[number % len(names)]
    chance = random.Random(f"{seed} {number}")
    data = bytearray(whole[name])
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        _mutate(data, chance, whole)
    if name.startswith("PNG") and chance.random() < 0.7:
        data = _with_right_sums(
            data
        )  # or nearly all would be refused for their sums, before anything is decoded
    return name, bytes(data)


def _mutate(data: bytearray, chance: random.Random, whole: dict[str, bytes]) -> None:
    size = len(data)
    if size < 8:
        return
    # Sizes, counts and offsets are mostly at the start.
    place = chance.randrange(min(size, 400)) if chance.random() < 0.6 else chance.randrange(size)
    length = chance.choice((1, 2, 4, 8, 16, 64, 256))
    match chance.choice((0, 0, 1, 1, 2, 2, 2, 3, 4, 5, 6)):
        case 0:
            data[place] ^= 1 << chance.randrange(8)
        case 1:
            data[place] = chance.randrange(256)
        case 2:
            width = chance.choice((1, 2, 4))
            value = chance.choice(NUMBERS) % 256**width
            data[place : place + width] = value.to_bytes(width, chance.choice(("big", "little")))
        case 3:
            del data[place : place + length if chance.random() < 0.5 else size]
        case 4:
            data[place:place] = chance.randbytes(length)
        case 5:
            data[place:place] = data[place : place + length]
        case 6:
            other = whole[chance.choice(list(whole))]
            cut = chance.randrange(len(other))
            data[place:] = (
                other[cut:] if chance.random() < 0.3 else other[cut : cut + length] + data[place + length :]
            )


def _with_right_sums(data: bytearray) -> bytearray:
    """Each chunk of a PNG ends with a checksum."""
    place = 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 8 + length
        if end + 4 > len(data):
            break
        struct.pack_into(">I", data, end, zlib.crc32(data[place + 4 : end]))
        place = end + 4
    return data


def outcome(data: bytes) -> str:
    """What the door makes of it: a picture, the code of a refusal, or something that must not be."""
    try:
        image = decode(data, max_side=MAX_SIDE)
    except ImageError as error:
        return error.code
    except BaseException as error:
        return f"raised {type(error).__name__}: {error}"
    fine = (
        image.dtype == np.uint8
        and image.ndim == 3
        and image.shape[2] == 3
        and 0 < max(image.shape) <= MAX_SIDE
    )
    return "a picture" if fine else f"returned {image.shape} {image.dtype}"


def highest_memory() -> int:
    """Bytes that this process had in memory at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=20261127)
    parser.add_argument("--mark", type=Path, default=Path("/dev/null"))
    asked = parser.parse_args()
    pillow_heif.options.THREADS = 1
    whole = whole_files()
    sound = {name: outcome(data) for name, data in whole.items()}
    before, seen, slowest = highest_memory(), {name: Counter[str]() for name in whole}, (0.0, -1)
    with asked.mark.open("w") as mark:
        for number in range(asked.first, asked.first + asked.count):
            mark.seek(0)
            mark.write(str(number))
            mark.flush()
            name, data = mutated(number, whole, asked.seed)
            began = time.perf_counter()
            seen[name][outcome(data)] += 1
            slowest = max(slowest, (time.perf_counter() - began, number))
    grown = highest_memory() - before
    print(json.dumps({"sound": sound, "seen": seen, "memory": grown, "slowest": slowest}))


if __name__ == "__main__":
    main()
