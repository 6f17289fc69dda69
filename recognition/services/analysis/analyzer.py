"""The engine's parts put together: a picture in, faces with crops, quality and vectors out.

One analyser per process, made on first use. Tests inject their own with `use_analyzer`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock, RLock
from typing import Any, TypeVar

from django.conf import settings

from recognition.engine.alignment import align
from recognition.engine.detector import Detector
from recognition.engine.embedder import Embedder
from recognition.engine.finder import Finder
from recognition.engine.inspector import Inspector
from recognition.engine.quality import QualityLimits, assess
from recognition.engine.refiner import Refiner
from recognition.engine.runtimes.keras_pool import open_keras_pool
from recognition.engine.runtimes.pools import open_pool
from recognition.engine.types import Face, Floats, Image, ModelFileError, ModelSpec, Quality
from recognition.engine.weights import Manifest
from recognition.engine.yunet import load_detector
from recognition.models import ModelVersion

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class SeenFace:
    """A face of a picture. ``crop`` is (112, 112, 3); ``vector`` is None when its quality was not good enough."""

    face: Face
    crop: Image
    quality: Quality
    vector: Floats | None = None

    def as_dict(self) -> dict[str, Any]:
        """As stored with an upright photo: box, score, landmarks, quality."""
        return {
            "box": [round(float(v), 1) for v in self.face.box],
            "score": round(float(self.face.score), 4),
            "landmarks": [[round(float(x), 1), round(float(y), 1)] for x, y in self.face.landmarks],
            "quality": quality_dict(self.quality),
        }

    def as_answer(self) -> dict[str, Any]:
        """As answered about a picture that may lie on its side; ``turned`` says by how many degrees, clockwise."""
        return self.as_dict() | {"turned": round(self.face.turn) % 360}


def quality_dict(quality: Quality) -> dict[str, Any]:
    figures = ("size", "sharpness", "brightness", "contrast", "yaw", "pitch", "roll")
    return {name: round(float(getattr(quality, name)), 1) for name in figures} | {
        "score": round(float(quality.score), 3),
        "reasons": list(quality.reasons),
    }


@dataclass(slots=True)
class Timings:
    """Milliseconds spent in each step."""

    ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.ms[name] = round(self.ms.get(name, 0.0) + (time.perf_counter() - start) * 1000, 2)


MIRRORED = {"auto": None, "on": True, "off": False}

_loading = RLock()
T = TypeVar("T")


class _loaded_once(cached_property[T]):
    """A cached property of which two threads do not make two: the standard one has no lock since Python 3.12."""

    def __get__(self, instance: object, owner: type[Any] | None = None) -> T:  # type: ignore[override]
        with _loading:
            return super().__get__(instance, owner)


class Analyzer:
    """Detector, refiner and embedders of the installed models. Safe to use from several threads."""

    _gpu = False
    pinned = False
    choice = 0  # the number of the one that `detector_spec` is by

    def __init__(
        self,
        folder: Path,
        *,
        installed: Path | None = None,
        embedder: str | None = None,
        detector_name: str | None = None,
        detector: Detector | None = None,
        refiner: Refiner | None = None,
        mirrored: bool | None = None,
        gpu: bool = False,
    ) -> None:
        """folder, installed: of the manifests. embedder, detector_name: those used unless another is asked for; a
        detector that is named here stays, whatever is chosen later.

        mirrored: whether faces are embedded mirrored too; None: as the manifest says of each model.
        gpu: whether Keras runs the networks where it can.
        """
        self._gpu = gpu
        self._opens = open_keras_pool if gpu else open_pool
        self._folders = folder, installed
        self._mirrored = mirrored
        self.manifest = Manifest.load(folder, installed)
        self.embedder_spec = self.manifest.spec(embedder) if embedder else self.manifest.default("embedder")
        default = self.manifest.default
        self.detector_spec = self.manifest.spec(detector_name) if detector_name else default("detector")
        self.pinned = bool(detector_name)
        self.refiner_spec = default("refiner")
        if detector is not None:
            self._detectors[self.detector_spec.name] = detector
        if refiner is not None:
            self.__dict__["refiner"] = refiner

    @cached_property
    def _others(self) -> dict[str, Embedder]:
        """Embedders of model versions that are not the default."""
        return {}

    def spec(self, name: str) -> ModelSpec:
        """Also of a model that was installed after this process had started. Raises ModelFileError."""
        if all(spec.name != name for spec in self.manifest.specs):
            self.manifest = Manifest.load(*self._folders)
        return self.manifest.spec(name)

    def see_with(self, name: str, number: int) -> None:
        """Find faces by this detector from here on. What is being looked at is finished by the one before.

        number: of the choice; an older one than the last changes nothing, so that a slow request takes nothing back.
        A detector that is not installed on this machine, or damaged, is told in the log, and the one before stays.
        """
        if self.pinned or number <= self.choice:
            return
        with _loading:
            if number <= self.choice:
                return
            try:
                spec = self.spec(name)
                self.detector_named(spec.name)
            except ModelFileError as error:
                log.error("the chosen detector cannot be used here: %s", error)
            else:
                self.detector_spec = spec
            self.choice = number

    def detector_named(self, name: str) -> Detector:
        """Loaded once. Raises ModelFileError when no such detector is installed, or its file is damaged."""
        if found := self._detectors.get(name):  # without waiting for what is being loaded
            return found
        with _loading:
            if name not in self._detectors:
                spec = self.spec(name)
                if spec.kind != "detector":
                    raise ModelFileError(f"{name} is a {spec.kind}.")
                self._detectors[name] = load_detector(self.manifest, name, opens=self._opens)
            return self._detectors[name]

    @cached_property
    def _detectors(self) -> dict[str, Detector]:
        """By name, those that were loaded."""
        return {}

    @property
    def detector(self) -> Detector:
        """The one in use."""
        return self.detector_named(self.detector_spec.name)

    @_loaded_once
    def refiner(self) -> Refiner:
        return Refiner.from_manifest(self.manifest, opens=self._opens)

    @_loaded_once
    def inspector(self) -> Inspector:
        return Inspector.from_manifest(self.manifest, opens=self._opens)

    @_loaded_once
    def embedder(self) -> Embedder:
        return self._load_embedder(self.embedder_spec.name)

    def _load_embedder(self, name: str) -> Embedder:
        embedder = Embedder.from_manifest(self.manifest, name, opens=self._opens)
        if self._mirrored is not None:
            embedder.mirrored = self._mirrored
        return embedder

    @property
    def finder(self) -> Finder:
        spec = self.detector_spec  # read once: another may be chosen meanwhile
        detector = self.detector_named(spec.name)
        refined = spec.settings.get("refine", True)
        return Finder(detector, self.refiner if refined else Refiner(None), self.inspector)

    @property
    def batches(self) -> bool:
        """Whether many photos in one call are faster than one after another: on a GPU, as long as that works."""
        return self._gpu and (self.detector.batches or self.embedder.batches)

    def find(self, image: Image, limits: QualityLimits, timings: Timings | None = None) -> list[SeenFace]:
        """Every face of the picture with its aligned crop and quality, largest first, without vectors."""
        timings = timings or Timings()
        faces = self.finder.find(image, step=timings.step)
        with timings.step("align"):
            return _seen(image, faces, limits)

    def glance(self, image: Image, *, fine: bool) -> list[Face]:
        """As `Finder.glance`: the faces of one frame of a film."""
        return self.finder.glance(image, fine=fine)

    def look_at(self, image: Image, faces: Sequence[Face], limits: QualityLimits) -> list[SeenFace]:
        """Crop and quality of faces of the picture that were found before, in their order."""
        inspected = self.finder.inspect(image, faces)
        crops = [align(image, face.landmarks) for face in inspected]
        return [
            SeenFace(face, crop, assess(image, face, crop, limits))
            for face, crop in zip(inspected, crops, strict=True)
        ]

    def find_many(self, images: Sequence[Image], limits: QualityLimits) -> list[list[SeenFace]]:
        """As `find` for each picture, the networks in batches where they take some."""
        faces = self.finder.find_many(images)
        return [_seen(image, found, limits) for image, found in zip(images, faces, strict=True)]

    def embed(
        self, crops: Sequence[Image], timings: Timings | None = None, *, version: ModelVersion | None = None
    ) -> Floats:
        """(n, dimensions) unit vectors of aligned crops, by the default embedder or that of a model version.

        Raises ModelFileError when the installed weights are not those that the version stands for.
        """
        with (timings or Timings()).step("embed"):
            return self.embedder_of(version).embed(crops)

    def embedder_of(self, version: ModelVersion | None) -> Embedder:
        """Raises ModelFileError when the installed weights are not those that the version stands for."""
        if version is None:
            return self.embedder
        default = version.name == self.embedder_spec.name
        spec = self.embedder_spec if default else self.spec(version.name)
        if spec.sha256 != version.sha256:
            raise ModelFileError(
                f"People were enrolled with other weights of {version.name} than those installed now. "
                "Restore the former file, or give the new one another name."
            )
        return self.embedder_named(version.name)

    def embedder_named(self, name: str) -> Embedder:
        """Raises ModelFileError when no such model is installed, or its file is damaged."""
        if name == self.embedder_spec.name:
            return self.embedder
        self.spec(name)
        with _loading:
            if name not in self._others:
                self._others[name] = self._load_embedder(name)
            return self._others[name]


def _seen(image: Image, faces: Sequence[Face], limits: QualityLimits) -> list[SeenFace]:
    crops = [align(image, face.landmarks) for face in faces]
    seen = [
        SeenFace(face, crop, assess(image, face, crop, limits))
        for face, crop in zip(faces, crops, strict=True)
    ]
    return sorted(seen, key=lambda s: -s.face.area)


_analyzer: Analyzer | None = None
_lock = Lock()


def get_analyzer() -> Analyzer:
    global _analyzer
    with _lock:
        if _analyzer is None:
            _analyzer = Analyzer(
                Path(settings.MODELS_DIR),
                installed=Path(settings.DATA_DIR) / "models",
                detector_name=settings.DETECTOR or None,
                embedder=settings.EMBEDDER or None,
                mirrored=MIRRORED[settings.MIRRORED_VIEW],
                gpu=settings.INFERENCE == "gpu",
            )
        return _analyzer


@contextmanager
def use_analyzer(analyzer: Any) -> Iterator[None]:
    """Let this process use another analyser for a while (tests, benches)."""
    global _analyzer
    before, _analyzer = _analyzer, analyzer
    try:
        yield
    finally:
        _analyzer = before
