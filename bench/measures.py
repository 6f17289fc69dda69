"""What is measured. Every function answers plain figures: milliseconds, photos a second, megabytes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.server import ROOT, web_server
from bench.site import strangers

PROBES = sorted((ROOT / "demo" / "probes").glob("*.jpg"))
PEOPLE = ROOT / "demo" / "people"


def spread(milliseconds: Sequence[float]) -> dict[str, float]:
    return {
        "median_ms": round(float(np.median(milliseconds)), 2),
        "p95_ms": round(float(np.percentile(milliseconds, 95)), 2),
    }


def timed(call: Callable[[], Any], times: int) -> list[float]:
    """Milliseconds of each call."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1000)
    return taken


def identify(times: int) -> dict[str, Any]:
    """The service call for a 480 x 480 photo: decode, detect, refine, align, embed, search, decide, record."""
    from recognition.services import recognition

    probes = [path.read_bytes() for path in PROBES[:20]]
    for data in probes[:5]:
        recognition.identify(data)
    steps: dict[str, list[float]] = {}
    taken = []
    for number in range(times):
        start = time.perf_counter()
        answer = recognition.identify(probes[number % len(probes)])
        taken.append((time.perf_counter() - start) * 1000)
        for name, ms in answer.timings.ms.items():
            steps.setdefault(name, []).append(ms)
    medians = {name: round(float(np.median(values)), 2) for name, values in steps.items()}
    return spread(taken) | {"steps_median_ms": medians}


def naive(times: int, people: int, folder: Path) -> dict[str, Any]:
    """The way of the notebook: Keras `model.predict` and an index that is read from disk at each query.

    The networks have the real architecture and random weights, which take the same time. Without TensorFlow
    LiteRT takes the place of Keras, with models loaded at each query as a script does.
    """
    import faiss

    index = faiss.IndexFlatIP(512)
    index.add(strangers(people, 512))
    file = str(folder / "naive.index")
    faiss.write_index(index, file)
    try:
        look = _keras_look()
        kind = "Keras model.predict"
    except ImportError:
        look = _litert_look()
        kind = "LiteRT, models loaded at each query (TensorFlow is not installed, Keras left out)"
    image = cv2.imread(str(PROBES[0]))

    def query() -> None:
        vector = look(image)
        vector /= np.linalg.norm(vector)
        faiss.read_index(file).search(vector, 5)

    query()
    return spread(timed(query, times)) | {"kind": kind}


def _keras_look() -> Callable[[Any], Any]:
    import tensorflow  # noqa: F401  the backend; without it Keras cannot be imported

    from recognition.engine.networks.ghostfacenet import ghostfacenet
    from recognition.engine.networks.yolov5face import yolov5face

    detector, embedder = yolov5face(side=320), ghostfacenet()

    def look(image: Any) -> Any:
        square = cv2.resize(image, (320, 320)).astype(np.float32) / 255
        detector.predict(square[None], verbose=0)
        crop = (cv2.resize(image, (112, 112)).astype(np.float32) - 127.5) / 128
        return embedder.predict(crop[None], verbose=0)

    return look


def _litert_look() -> Callable[[Any], Any]:
    from django.conf import settings

    from recognition.engine.runtimes.litert import InterpreterPool
    from recognition.engine.weights import Manifest

    manifest = Manifest.load(Path(settings.MODELS_DIR))
    detector, embedder = (manifest.path(manifest.default(kind)) for kind in ("detector", "embedder"))

    def look(image: Any) -> Any:
        square = cv2.resize(image, (320, 320)).astype(np.float32) / 255
        InterpreterPool(detector, size=1).run(square[None])
        crop = (cv2.resize(image, (112, 112)).astype(np.float32) - 127.5) / 128
        return InterpreterPool(embedder, size=1).run(crop[None])[0]

    return look


def import_photos(copies: int) -> dict[str, Any]:
    """`import_people` end to end in a process of its own, start included, on variations of the demo people."""
    with tempfile.TemporaryDirectory() as folder:
        count = 0
        for copy in range(copies):
            for source in sorted(PEOPLE.glob("*/*.jpg")):
                target = Path(folder) / f"{source.parent.name}-{copy}" / source.name
                target.parent.mkdir(exist_ok=True)
                # Another quality makes another file of the same picture.
                cv2.imwrite(str(target), cv2.imread(str(source)), [cv2.IMWRITE_JPEG_QUALITY, 90 - copy])
                count += 1
        command = [sys.executable, str(ROOT / "manage.py"), "import_people", folder, "--json"]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds = time.perf_counter() - start
    return {"photos": count, "seconds": round(seconds, 1), "photos_per_second": round(count / seconds, 1)}


def web(times: int, key: str) -> dict[str, Any]:
    """One web process as in production: latency of identify over HTTP, and its memory afterwards."""
    with web_server(WEB_WORKERS="1") as server:
        request = _request(f"{server.address}/api/v1/identify", key)
        timed(lambda: _send(request), 5)
        taken = timed(lambda: _send(request), times)
        memory = max(server.memory())
    return spread(taken) | {"memory_mb": memory}


def _request(address: str, key: str) -> urllib.request.Request:
    boundary = "bench"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    body += PROBES[0].read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": f"multipart/form-data; boundary={boundary}",
    }
    return urllib.request.Request(address, body, headers)


def _send(request: urllib.request.Request) -> None:
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


def gallery(people: int, times: int) -> dict[str, Any]:
    """Search for one probe, and what one changed person costs, with this many people in the gallery."""
    from recognition.engine.gallery import Gallery

    vectors = strangers(people, 512)
    made = Gallery.from_arrays(512, "bench", np.arange(people, dtype=np.int64), vectors)
    search = timed(lambda: made.search(vectors[:1], 5), times)
    change = timed(lambda: made.put(7, vectors[8:10]), times)
    return {
        "search_ms": round(float(np.median(search)), 3),
        "change_ms": round(float(np.median(change)), 3),
    }


def catch_up(times: int) -> dict[str, float]:
    """The first look at the gallery after a person was changed in the database."""
    from django.db import transaction

    from recognition.models import Identity
    from recognition.services.gallery import live_gallery, record_change

    live_gallery.current()
    number = Identity.objects.values_list("pk", flat=True)[0]
    taken = []
    for _ in range(times):
        with transaction.atomic():
            record_change(number)
        taken += timed(live_gallery.current, 1)
    return spread(taken)
