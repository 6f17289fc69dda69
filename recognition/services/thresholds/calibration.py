"""Thresholds of a model from the errors that are allowed, by genuine and impostor scores of real people.

The 1:1 threshold keeps the false match rate for both kinds of verification: two pictures, and a picture with an
enrolled person. The 1:N threshold keeps the rate at which a stranger is taken for somebody: a stranger meets all N
people, so each single meeting may go wrong with a probability of at most FPIR / N.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
from django.utils.translation import gettext
from numpy.typing import NDArray

from recognition.engine.measures.identification import Enrolled, OneOut
from recognition.engine.measures.thresholds import smallest_rate, strict, threshold_at
from recognition.engine.types import Floats, ModelSpec
from recognition.models import Identity, ModelVersion
from recognition.services.analysis import active_model, detectors_of_photos, get_analyzer
from recognition.services.errors import Invalid
from recognition.services.gallery import enrolled_vectors
from recognition.services.thresholds.doubles import doubles
from recognition.services.thresholds.policies import policy_of
from recognition.services.thresholds.scores import (
    PersonScores,
    PictureScores,
    check_usable,
    rounded_up,
    trials,
)
from recognition.services.wording import one_in

MARGIN_COST = 0.005
MOST_NAMED = 5  # pairs


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    fmr, fpir: the error rates allowed in 1:1 and 1:N. people: how many are searched in 1:N.
    margin_cost: share of right identifications given up so that look-alikes are refused as ambiguous.
    extrapolate: allow thresholds beyond what the scores can speak of. twins: people who look like one are two.
    """

    fmr: float = 1e-4
    fpir: float = 1e-2
    people: int = 1
    margin_cost: float = MARGIN_COST
    extrapolate: bool = False
    twins: bool = False

    def __post_init__(self) -> None:
        for name in ("fmr", "fpir"):
            if not 0 < getattr(self, name) < 1:
                raise Invalid(
                    "bad_rate",
                    f"{name.upper()} is a rate between 0 and 1, such as 1e-4.",
                )
        if not 0 <= self.margin_cost < 1:
            raise Invalid("bad_rate", "The cost of the margin is a share between 0 and 1.")


@dataclass(frozen=True, slots=True)
class Proposal:
    """Thresholds that fulfil a wish, with all that was measured. Not stored yet."""

    verify_threshold: float
    identify_threshold: float
    margin: float
    fmr: float
    fpir: float
    source: str
    measurements: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        document = asdict(self)
        del document["warnings"]
        return document


def propose(
    owners: NDArray[np.int64],
    vectors: Floats,
    wish: Wish,
    *,
    source: str,
    mirrored: bool,
    detectors: Sequence[str] = (),
    current_margin: float = 0.0,
    name_of: Callable[[int], str] = str,
    progress: Callable[[float], None] = lambda share: None,
) -> Proposal:
    """Thresholds from labelled vectors. owners: (n,), vectors: (n, dimensions) of unit length.

    detectors: that found the faces, as far as it is known. current_margin: kept when nobody is found often enough to
    choose one. name_of: a value of ``owners`` in words.
    Raises Invalid when the data cannot support the wish, with what it can support, and when one person seems to go by
    two names.
    """
    check_usable(owners)
    pictures = PictureScores.of(owners, vectors)
    gallery = Enrolled.of(owners, vectors)
    _check_fmr(wish, pictures, gallery)
    needed = wish.fpir / max(1, wish.people)
    people = PersonScores.of(gallery, (needed, wish.fmr), progress=progress)
    if not wish.twins:
        _check_doubles(gallery, people.one_out, name_of)
    verify, verify_notes = _verify(wish, pictures, people)
    identify, identify_notes = _identify(wish, needed, people)
    margin, margin_notes = _margin(wish, people.one_out, identify, current_margin)
    warnings = [
        notes.pop("warning") for notes in (verify_notes, identify_notes, margin_notes) if "warning" in notes
    ]
    measurements: dict[str, Any] = {
        "on": {
            "people": len(gallery.names),
            "photos": len(owners),
            "genuine_pairs": len(pictures.genuine),
            "impostor_pairs": len(pictures.impostor),
            "impostor_scores_1_n": people.tail.trials,
        },
        "mirrored": mirrored,
        "verify": verify_notes,
        "identify": identify_notes,
        "margin": margin_notes,
        "tail": people.tail.as_dict(),
    }
    if detectors:
        measurements["detectors"] = list(detectors)
    return Proposal(verify, identify, margin, wish.fmr, wish.fpir, source, measurements, tuple(warnings))


def _check_fmr(wish: Wish, pictures: PictureScores, gallery: Enrolled) -> None:
    """Raises Invalid when one of the two kinds of verification cannot be measured at this rate."""
    counts = {
        gettext("impostor pairs"): len(pictures.impostor),
        gettext("scores of photos with another person"): trials(gallery),
    }
    what = min(counts, key=lambda name: counts[name])
    smallest = smallest_rate(counts[what])
    if wish.fmr < smallest and not wish.extrapolate:
        raise Invalid(
            "too_few_impostors",
            gettext(
                "So few wrong claims believed, %(share)s, cannot be measured here: %(people)s "
                "people are too few. Allow more, measure more people, or keep the policy that "
                "came with the model. (By the rule of three %(counts)s %(what)s can speak of "
                "FMRs from %(smallest)s on, and scores that share people are worth less than "
                "as many independent ones: ask for %(least)s or more instead of %(fmr)s.)"
            )
            % {
                "share": one_in(wish.fmr),
                "people": len(gallery.names),
                "counts": counts[what],
                "what": what,
                "smallest": f"{smallest:.1e}",
                "least": rounded_up(smallest),
                "fmr": f"{wish.fmr:.1e}",
            },
        )


def _check_doubles(gallery: Enrolled, one_out: OneOut, name_of: Callable[[int], str]) -> None:
    """Raises Invalid when two people look like one."""
    found = doubles(gallery, one_out)
    if found:
        some = "; ".join(
            gettext("%(one)s and %(other)s") % {"one": name_of(a), "other": name_of(b)}
            for a, b in found[:MOST_NAMED]
        )
        more = (
            gettext("; and %(number)s pairs more") % {"number": len(found) - MOST_NAMED}
            if len(found) > MOST_NAMED
            else ""
        )
        raise Invalid(
            "same_person_twice",
            gettext(
                "These look like one person each: %(some)s%(more)s. Their scores would set "
                "thresholds that turn nearly everybody away. Merge the two, or take the photos "
                "that are of somebody else out; if they are two people, such as twins, say so."
            )
            % {"some": some, "more": more},
        )


def _verify(wish: Wish, pictures: PictureScores, people: PersonScores) -> tuple[float, dict[str, Any]]:
    smallest = max(pictures.smallest_rate, people.smallest_rate)
    beyond = wish.fmr < smallest
    person_threshold, _ = people.tail.threshold(wish.fmr)
    if wish.fmr < pictures.smallest_rate:
        pair_threshold = person_threshold
    else:
        pair_threshold = threshold_at(pictures.impostor, wish.fmr)
    # The stricter of the two, so that both kinds of verification keep to the rate.
    threshold = strict(max(pair_threshold, person_threshold))
    interval = None
    if not beyond:
        deciding = pictures if strict(pair_threshold) > person_threshold else people
        interval = deciding.interval(wish.fmr)
    notes: dict[str, Any] = {
        "two_pictures": strict(pair_threshold),
        "picture_and_person": person_threshold,
        "interval": interval,
        "fnmr": float(np.mean(pictures.genuine < threshold)),
        "smallest_fmr": smallest,
        "beyond": beyond,
    }
    if beyond:
        notes["warning"] = _beyond("1:1", wish.fmr, smallest)
    return threshold, notes


def _identify(wish: Wish, needed: float, people: PersonScores) -> tuple[float, dict[str, Any]]:
    tail, found = people.tail, people.one_out.searches
    threshold, beyond = tail.for_gallery(wish.fpir, wish.people)
    smallest = people.smallest_rate
    if beyond and not wish.extrapolate:
        raise Invalid(
            "too_few_impostors",
            gettext(
                "So few strangers taken for one of %(people)s people, %(share)s, cannot be "
                "measured here: %(measured)s people are too few. Allow more, measure more "
                "people, or allow a threshold beyond what was measured. (An FPIR of %(fpir)s "
                "needs an FMR of %(needed)s, and by the rule of three %(trials)s scores can "
                "speak of rates from %(smallest)s on: ask for an FPIR of %(least)s or "
                "more.)"
            )
            % {
                "people": wish.people,
                "share": one_in(wish.fpir),
                "measured": tail.people,
                "fpir": f"{wish.fpir:.1e}",
                "needed": f"{needed:.1e}",
                "trials": tail.trials,
                "smallest": f"{smallest:.1e}",
                "least": rounded_up(min(1.0, smallest * wish.people)),
            },
        )
    notes: dict[str, Any] = {
        "people": wish.people,
        "needed_fmr": needed,
        "interval": None if beyond else people.interval(needed),
        "beyond": beyond,
        "measured_people": tail.people,
        "fpir": float(np.mean(found.best_other >= threshold)),
        "fnir": found.fnir(threshold),
    }
    if beyond:
        notes["warning"] = _beyond("1:N", needed, smallest)
    return threshold, notes


def _margin(wish: Wish, one_out: OneOut, threshold: float, current: float) -> tuple[float, dict[str, Any]]:
    """The margin that refuses so many of the right identifications at this threshold."""
    margins = one_out.searches.margins(threshold)
    needed = int(3 / wish.margin_cost) if wish.margin_cost else 1
    if len(margins) < needed:
        warning = (
            f"The margin stays at {current}: {len(margins)} right identifications are too few to choose one."
        )
        return current, {"probes": len(margins), "warning": warning}
    margin = max(0.0, float(np.quantile(margins, wish.margin_cost)))
    return int(margin * 1000) / 1000, {"probes": len(margins), "cost": wish.margin_cost}


def _beyond(kind: str, rate: float, smallest: float) -> str:
    return (
        f"The {kind} threshold lies beyond what was measured: it needs a rate of {rate:.1e}, and the scores can speak "
        f"of rates from {smallest:.1e} on. It is a straight-line continuation, not a measurement."
    )


def from_enrolled(
    wish: Wish,
    *,
    version: ModelVersion | None = None,
    name_of: Callable[[int], str] | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Proposal:
    """Thresholds from the vectors of the enrolled people.

    version: of which model, by default that in use. name_of: how a refusal calls a person, by default by name.
    """
    version = version or active_model()
    policy = policy_of(version)
    owners, vectors = enrolled_vectors(version)
    if not len(owners):
        raise Invalid("nobody", gettext("Nobody is enrolled. Enrol people, or give a folder of photos."))
    source = f"{len(np.unique(owners))} enrolled people, {len(owners)} photos"
    return propose(
        owners,
        vectors,
        wish,
        source=source,
        mirrored=get_analyzer().embedder_of(version).mirrored,
        detectors=sorted(filter(None, detectors_of_photos(version))),
        current_margin=policy.margin if policy else 0.0,
        name_of=name_of or _enrolled_name,
        progress=progress,
    )


def _enrolled_name(person: int) -> str:
    found = Identity.objects.filter(pk=person).values_list("name", "external_id").first()
    return f"{found[0]} ({found[1]})" if found else f"number {person}"


class MeasuredPhotos(Protocol):
    """Photos of people who need not be enrolled, with their vectors.

    owners: (n,) the person of each photo with a face, as a position in ``people``. vectors: variant -> (n, dimensions)
    of unit length.
    counts: how many ``people_with_face`` and photos ``with_face`` there are.
    """

    @property
    def model(self) -> ModelSpec: ...
    @property
    def variant(self) -> str: ...
    @property
    def people(self) -> Sequence[str]: ...
    @property
    def owners(self) -> NDArray[np.int64]: ...
    @property
    def vectors(self) -> Mapping[str, Floats]: ...
    @property
    def counts(self) -> Mapping[str, int]: ...


def from_photos(
    photos: MeasuredPhotos, wish: Wish, *, name: str, progress: Callable[[float], None] = lambda share: None
) -> Proposal:
    """Thresholds from measured photos of people who need not be enrolled."""
    version = ModelVersion.objects.filter(name=photos.model.name).first()
    policy = policy_of(version) if version else None
    people, count = photos.counts["people_with_face"], photos.counts["with_face"]
    return propose(
        photos.owners,
        photos.vectors[photos.variant],
        wish,
        source=f"{name}: {people} people, {count} photos"[:200],
        mirrored=photos.variant == "mirrored",
        detectors=[get_analyzer().detector_spec.name],
        current_margin=policy.margin if policy else 0.0,
        name_of=lambda person: photos.people[person],
        progress=progress,
    )
