"""Memory that was freed goes back to the system. In processes of their own: the setting lasts as long as a process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from identity_site.env import BASE_DIR

# Eight threads decode pictures of 24 megapixels at once, as those of a web process would.
DECODING = """
import io, sys, threading
import numpy as np, psutil
from PIL import Image
from recognition.engine import heap
from recognition.engine.images import decode

if sys.argv[1] == "little":
    assert heap.keep_little()
else:
    heap.give_back = lambda: None
noise = np.random.default_rng(0).integers(0, 255, (500, 375, 3), dtype=np.uint8)
pictures = []
for kind in ("JPEG", "PNG", "TIFF"):
    file = io.BytesIO()
    Image.fromarray(noise).resize((4000, 6000)).save(file, kind, compress_level=1)
    pictures.append(file.getvalue())
decode(pictures[0], max_side=2000)
del file, noise
start = psutil.Process().memory_info().rss

def work():
    for picture in pictures:
        small = decode(picture, max_side=2000)
        kept = [small[:, :, ::-1].astype(np.float32).tobytes()[:200_000] for _ in range(4)]

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print((psutil.Process().memory_info().rss - start) >> 20)
"""


def kept_by(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", DECODING, how], cwd=BASE_DIR, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="this is about glibc")
def test_large_pictures_leave_little_behind() -> None:
    assert kept_by("little") < 60  # megabytes
