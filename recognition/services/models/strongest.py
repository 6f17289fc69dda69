"""The strongest embedder that can be had, by measured figures: new sites start with it, older ones are told of it.

In this order: a published GhostFaceNet, which is fetched; the bundled GhostFaceNet once it is good enough; else
whichever of those at hand is right most often on LFW. An enrolled site never changes by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.utils.translation import gettext

from recognition.engine import packaged
from recognition.engine.types import EngineError, ModelFileError, ModelSpec
from recognition.models import ModelChange, ModelVersion
from recognition.services import analysis
from recognition.services.errors import Conflict, Invalid, ServiceError
from recognition.services.models import catalogue
from recognition.services.models.changes import begin
from recognition.services.wording import one_in, percent

GOOD_ACCURACY = 0.98  # on LFW's pairs
MOST_REFUSED = 0.10  # of LFW's genuine pairs, at an FMR of 1e-4
PATIENCE = 4.0  # seconds without an answer after which a start goes on without the publisher
LONGEST = 60.0  # seconds of loading; the next command goes on where it was
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Candidate:
    """An embedder and what was measured of it.

    published: a release of GhostFaceNet's authors. bundled: the default of the site's own manifest.
    at_hand: it can be used without a network.
    """

    name: str
    accuracy: Mapping[str, Any]
    settings: Mapping[str, Any]
    published: bool = False
    bundled: bool = False
    at_hand: bool = True

    @cached_property
    def lfw(self) -> float:
        """Share of LFW's pairs that it gets right, measured here or published; 0.0 when nobody has measured it."""
        return catalogue.lfw_accuracy(self.accuracy) or 0.0

    @cached_property
    def refused(self) -> float | None:
        """Share of genuine pairs that its shipped policy refuses; None where that was not measured."""
        policy = self.settings.get("policy") or {}
        verify = policy.get("measurements", {}).get("verify", {})
        measured = self.accuracy.get("lfw_bundled_detector") or {}
        value = measured.get("fnmr_of_the_policy", verify.get("fnmr"))
        return None if value is None else float(value)

    @property
    def good_enough(self) -> bool:
        if self.lfw < GOOD_ACCURACY:
            return False
        return self.published if self.refused is None else self.refused <= MOST_REFUSED

    @property
    def rank(self) -> tuple[bool, bool, float]:
        return self.published, self.bundled and self.good_enough, self.lfw

    @property
    def change(self) -> str:
        """The one command that fetches it, if need be, and changes an enrolled site to it."""
        return f"reembed --model {self.name} --activate"

    def in_words(self) -> str:
        if not self.lfw:
            return gettext("%(model)s (not measured on LFW)") % {"model": self.name}
        if self.refused is None:
            return gettext("%(model)s: right on %(share)s of LFW's pairs") % {
                "model": self.name,
                "share": percent(self.lfw, 1),
            }
        return gettext(
            "%(model)s: right on %(share)s of LFW's pairs, refuses %(refused)s genuine pairs at a false match rate "
            "of one in 10,000"
        ) % {"model": self.name, "share": percent(self.lfw, 1), "refused": one_in(self.refused)}


def candidates() -> list[Candidate]:
    """All embedders that this site could use, the strongest first."""
    manifest = analysis.read_manifest()
    releases = {release.name for release in catalogue.RELEASES}
    default = manifest.default("embedder").name
    found = {
        spec.name: Candidate(
            spec.name,
            spec.accuracy,
            spec.settings,
            published=spec.name in releases,
            bundled=spec.name == default,
        )
        for spec in manifest.specs
        if spec.kind == "embedder"
    }
    for release in catalogue.RELEASES:
        if release.kind == "embedder" and release.name not in found:
            found[release.name] = Candidate(release.name, release.accuracy, {}, published=True, at_hand=False)
    for spec in packaged.specs():
        if spec.kind == "embedder" and spec.name not in found:
            found[spec.name] = Candidate(spec.name, spec.accuracy, spec.settings, at_hand=_there(spec))
    return sorted(found.values(), key=lambda one: one.rank, reverse=True)


def strongest() -> Candidate:
    """Of those at hand."""
    return next(one for one in candidates() if one.at_hand)


def stronger_than(version: ModelVersion) -> Candidate | None:
    """The strongest that could take this one's place, also one that has to be fetched.

    None when this is it, and when this is one of the site's own that nobody has measured, so that nothing can be said.
    A bundled one is named as weaker also before it is measured on LFW.
    """
    ranked = candidates()
    best = ranked[0]
    own = next((one for one in ranked if one.name == version.name), None)
    return best if own is not None and (own.lfw or own.bundled) and best.rank > own.rank else None


def start(*, fetch: bool = False, tell: Tell = lambda text: None) -> ModelVersion:
    """The model version of this site; a site that has none gets the strongest, or the one that EMBEDDER names.

    fetch: look for the published one first, for a few seconds. tell: gets a line about each thing that takes time or
    was chosen. Raises NotFound for an unknown EMBEDDER, Invalid or EngineError when it cannot be installed.
    """
    version = ModelVersion.objects.filter(active=True).first()
    if version is not None:
        return version
    if settings.EMBEDDER:
        (spec,) = catalogue.fetch(settings.EMBEDDER, tell=tell)
        return analysis.start_with(spec)
    problem = _try_to_fetch(tell) if fetch else ""
    chosen = strongest()
    (spec,) = catalogue.fetch(chosen.name)
    version = analysis.start_with(spec)
    tell(f"Faces are compared by {chosen.in_words()}.")
    if problem and (better := stronger_than(version)):
        tell(f"{better.name} is stronger and was not reached ({problem}). Later: manage.py {better.change}")
    return version


def change_to_stronger(version: ModelVersion, *, user_id: int | None = None) -> ModelChange:
    """Begin the change from this version to the strongest at hand; the workers compute its vectors and switch.

    Raises Conflict when there is none, when another change is open, or when the site uses another version by now.
    """
    better = strongest()
    if version != analysis.active_model() or better.name == version.name:
        raise Conflict("changed", gettext("The model was changed meanwhile. Look again."))
    catalogue.fetch(better.name)
    return begin(better.name, user_id=user_id, switch_when_ready=True)


def _try_to_fetch(tell: Tell) -> str:
    """Install the published model if its publisher answers; why not, if not."""
    release = next(one for one in catalogue.RELEASES if one.kind == "embedder")
    tell(f"Looking for {release.name}, the published GhostFaceNet (FETCH_MODELS=false leaves that out) ...")
    ends = time.monotonic() + LONGEST

    def within_time(done: int, total: int) -> None:
        if time.monotonic() > ends:
            raise Invalid(
                "too_slow",
                f"only {done:,} of {total:,} bytes came within {LONGEST:.0f} seconds",
            )

    try:
        catalogue.fetch(release.name, patience=PATIENCE, progress=within_time)
    except (ServiceError, EngineError) as error:
        return str(error).partition(". ")[0]
    return ""


def _there(spec: ModelSpec) -> bool:
    try:
        packaged.find(spec.name)
    except ModelFileError:
        return False
    return True
