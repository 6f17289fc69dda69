"""The photos of a folder or CSV, each with its vector, for evaluation and calibration. Nothing is enrolled."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from recognition.engine import images
from recognition.engine.embedder import Embedder
from recognition.engine.quality import PROBE
from recognition.engine.types import Floats, Image, ImageError, ModelSpec
from recognition.services.analysis import Analyzer, SeenFace, active_model, follow_choice, get_analyzer
from recognition.services.enrolment import PlannedPerson, read_plan
from recognition.services.errors import Invalid
from recognition.services.evaluation.cache import EmbeddingCache, Measured

MAX_SIDE = 2000  # as for enrolment photos
CACHE_FORMAT = 1  # raise it when the code between a photo and its vector changes what comes out
AHEAD = 16  # photos read ahead; bounds the memory
VARIANTS = ("plain", "mirrored")


@dataclass(slots=True)
class PhotoSet:
    """Labelled photos that have a vector.

    owners: (n,) person of each photo as a position in ``people``. vectors: variant name -> (n, dimensions).
    model: that made the vectors. variant: which of them the site uses with it.
    paths: the n files. counts: what became of all files. absent: person and file of those that are not among
    the n, with the file of the same content when it is a duplicate. groups: person -> group, where folders say so.
    """

    people: list[str]
    owners: NDArray[np.int64]
    paths: list[Path]
    vectors: dict[str, Floats]
    model: ModelSpec
    variant: str
    counts: dict[str, Any] = field(default_factory=dict)
    absent: dict[tuple[str, Path], Path | None] = field(default_factory=dict)
    groups: dict[int, str] = field(default_factory=dict)


def measure_photos(
    source: Path,
    *,
    model: str | None = None,
    grouped: bool = False,
    threads: int = 2,
    cached: bool = True,
    on_plan: Callable[[int], None] = lambda total: None,
    on_photo: Callable[[], None] = lambda: None,
) -> PhotoSet:
    """Find and embed the main face of each photo of ``source``, a folder of people or a CSV.

    model: name of the embedder, by default that in use. grouped: the folder has a sub-folder of people for each group.
    on_plan: told how many photos there are; on_photo: called after each. Raises Invalid when there are fewer than two
    people with photos, ModelFileError for an unknown model.
    """
    plan, groups = _grouped_plan(source) if grouped else (read_plan(source), {})
    plan = [person for person in plan if person.paths]
    if not plan:
        raise Invalid("no_photos", f"{source} has people but no photos.")
    if len(plan) < 2:
        raise Invalid("one_person", f"{source} has one person only. Errors between people need at least two.")
    on_plan(sum(len(person.paths) for person in plan))
    follow_choice()
    analyzer = get_analyzer()
    spec = analyzer.spec(model or active_model().name)
    embedder = analyzer.embedder_named(spec.name)
    with (
        EmbeddingCache(cache_path(analyzer, spec), embedder.dimensions) if cached else nullcontext() as cache,
        ThreadPoolExecutor(threads, thread_name_prefix="evaluate") as pool,
    ):
        work = ((number, path) for number, person in enumerate(plan) for path in person.paths)
        rows = []
        for number, path, digest, measured in _ahead(pool, work, cache, embedder):
            rows.append((number, path, digest, measured))
            on_photo()
    photos = _photo_set(plan, rows, spec, embedder)
    photos.groups = {n: groups[name] for n, name in enumerate(photos.people) if name in groups}
    return photos


def _grouped_plan(source: Path) -> tuple[list[PlannedPerson], dict[str, str]]:
    """The people of all groups, and the group of each. Raises Invalid without groups or for a person in two."""
    try:
        folders = sorted(sub for sub in source.iterdir() if sub.is_dir() and not sub.name.startswith("."))
    except OSError as error:
        raise Invalid("unreadable_path", f"{source} is no folder of groups: {error.strerror}.") from None
    plan: list[PlannedPerson] = []
    groups: dict[str, str] = {}
    for folder in folders:
        for person in read_plan(folder):
            if groups.setdefault(person.external_id, folder.name) != folder.name:
                raise Invalid(
                    "two_groups",
                    f"{person.external_id} is in two groups, {groups[person.external_id]} and {folder.name}.",
                )
            plan.append(person)
    if not plan:
        raise Invalid("no_groups", f"{source} has no sub-folder of people for a group.")
    return plan, groups


def variant_of(embedder: Embedder) -> str:
    return "mirrored" if embedder.mirrored else "plain"


def cache_path(analyzer: Analyzer, spec: ModelSpec) -> Path:
    """Where the vectors of this embedder and the other models in use are kept; other weights have another file."""
    models = repr([spec.sha256, analyzer.detector_spec.sha256, analyzer.refiner_spec.sha256])
    digest = hashlib.sha256(models.encode()).hexdigest()
    folder = Path(settings.DATA_DIR) / "evaluation"
    return folder / f"{spec.name}-{digest[:12]}-{CACHE_FORMAT}.vectors"


Row = tuple[int, Path, bytes, Measured]


def _ahead(
    pool: ThreadPoolExecutor,
    work: Iterator[tuple[int, Path]],
    cache: EmbeddingCache | None,
    embedder: Embedder,
) -> Iterator[Row]:
    """The results in order, with at most ``AHEAD`` photos in work."""
    running = [pool.submit(_measure, number, path, cache, embedder) for number, path in islice(work, AHEAD)]
    while running:
        yield running.pop(0).result()
        running += [pool.submit(_measure, number, path, cache, embedder) for number, path in islice(work, 1)]


def _measure(number: int, path: Path, cache: EmbeddingCache | None, embedder: Embedder) -> Row:
    try:
        data = path.read_bytes() if path.stat().st_size <= images.MAX_BYTES else b""
    except OSError:
        return number, path, b"", Measured("missing")
    if not data:
        # Nothing was read, so nothing says that two such files are the same.
        return number, path, b"", Measured("unreadable")
    digest = hashlib.sha256(data).digest()
    measured = cache.get(digest) if cache is not None else None
    if measured is None:
        measured = _look(data, embedder)
        if cache is not None:
            cache.put(digest, measured)
    return number, path, digest, measured


def _look(data: bytes, embedder: Embedder) -> Measured:
    try:
        image = images.decode(data, max_side=MAX_SIDE)
    except ImageError:
        return Measured("unreadable")
    faces = get_analyzer().find(image, PROBE)
    if not faces:
        return Measured("no_face")
    face = main_face(image, faces)
    plain, mirrored = embedder.embed_both([face.crop])
    return Measured("ok", face.quality.reasons[0] if face.quality.reasons else "", plain[0], mirrored[0])


def main_face(image: Image, faces: Sequence[SeenFace]) -> SeenFace:
    """Whom the photo is of: a large face near the middle, since bystanders at the edge may be larger.

    The measure is the one that is customary for LFW: area less twice the squared distance from the middle.
    """
    middle = (image.shape[1] / 2, image.shape[0] / 2)

    def merit(seen: SeenFace) -> float:
        left, top, right, bottom = seen.face.box
        aside = math.hypot((left + right) / 2 - middle[0], (top + bottom) / 2 - middle[1])
        return seen.face.area - 2 * aside**2

    return max(faces, key=merit)


def _photo_set(
    plan: Sequence[PlannedPerson], rows: Sequence[Row], spec: ModelSpec, embedder: Embedder
) -> PhotoSet:
    owners, paths = [], []
    vectors: dict[str, list[Floats]] = {name: [] for name in VARIANTS}
    absent: dict[tuple[str, Path], Path | None] = {}
    states: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    first_seen: dict[bytes, tuple[int, Path]] = {}
    twice: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    for number, path, digest, measured in rows:
        person = plan[number].external_id
        other, same = first_seen.setdefault(digest, (number, path)) if digest else (number, path)
        if same != path or other != number:
            absent[person, path] = same
            twice.append({"path": str(path), "same_as": str(same), "same_person": other == number})
        elif measured.plain is None or measured.mirrored is None:
            absent[person, path] = None
            states[measured.state] += 1
            refused.append({"person": person, "path": str(path), "reason": measured.state})
        else:
            owners.append(number)
            paths.append(path)
            vectors["plain"].append(measured.plain)
            vectors["mirrored"].append(measured.mirrored)
            reasons[measured.reason] += bool(measured.reason)
            if measured.reason:
                refused.append({"person": person, "path": str(path), "reason": measured.reason})
    counts = {
        "photos": len(rows),
        "people": len(plan),
        "with_face": len(owners),
        "no_face": states["no_face"],
        "unreadable": states["unreadable"],
        "missing": states["missing"],
        "duplicates": twice,
        "refused_as_probe": {reason: count for reason, count in reasons.most_common() if count},
        "refused": refused,
        "people_with_face": len(set(owners)),
        "people_with_two": sum(count > 1 for count in Counter(owners).values()),
    }
    stacked = {
        name: np.stack(many) if many else np.empty((0, embedder.dimensions), np.float32)
        for name, many in vectors.items()
    }
    return PhotoSet(
        [person.external_id for person in plan],
        np.array(owners, np.int64),
        paths,
        stacked,
        spec,
        variant_of(embedder),
        counts,
        absent,
    )
