"""The scores that thresholds are derived from: of two pictures, and of a picture with an enrolled person."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext
from numpy.typing import NDArray

from recognition.engine.measures.identification import Enrolled, OneOut, leave_one_out
from recognition.engine.measures.pairs import genuine_pairs, impostor_pairs, pair_scores
from recognition.engine.measures.thresholds import Tail, bootstrap_tail, bootstrap_threshold, smallest_rate
from recognition.engine.types import Floats
from recognition.services.errors import Invalid

IMPOSTORS = 1_000_000
GENUINE_LIMIT = 2_000_000
# A draw of the bootstrap may need more scores than all the people do, so four times as many are kept; in a small
# gallery all of them. The most bounds memory and time: a wish that needs more gets no interval.
SPARE = 4
FEWEST_KEPT, MOST_KEPT = 200_000, 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class PictureScores:
    """Scores of two pictures. first, second: (n,) the people of each impostor score, numbered from 0."""

    genuine: Floats
    impostor: Floats
    first: NDArray[np.int64]
    second: NDArray[np.int64]

    @classmethod
    def of(cls, owners: NDArray[np.int64], vectors: Floats) -> PictureScores:
        """owners: (n,), vectors: (n, dimensions) of unit length."""
        a, b = impostor_pairs(owners, IMPOSTORS)
        people = np.unique(owners, return_inverse=True)[1]
        genuine = pair_scores(vectors, *genuine_pairs(owners, GENUINE_LIMIT))
        return cls(genuine, pair_scores(vectors, a, b), people[a], people[b])

    @property
    def smallest_rate(self) -> float:
        return smallest_rate(len(self.impostor))

    def interval(self, rate: float) -> tuple[float, float]:
        """The middle 95 % of the threshold at this rate."""
        return bootstrap_threshold(self.impostor, self.first, self.second, rate)


@dataclass(frozen=True, slots=True, eq=False)
class PersonScores:
    """Scores of each picture with each other person of the gallery. tail: what they reach how often."""

    gallery: Enrolled
    one_out: OneOut
    tail: Tail

    @classmethod
    def of(
        cls,
        gallery: Enrolled,
        rates: tuple[float, ...],
        *,
        progress: Callable[[float], None] = lambda share: None,
    ) -> PersonScores:
        """rates: that thresholds and intervals are wanted for. Raises Invalid when there are too few people."""
        wanted = math.ceil(SPARE * max(rates) * trials(gallery))
        one_out = leave_one_out(gallery, keep=min(MOST_KEPT, max(FEWEST_KEPT, wanted)), progress=progress)
        tail = Tail.from_counts(one_out.counts, len(gallery.names), exact=rates)
        if tail is None:
            text = gettext("%(people)s people are too few to measure anything.") % {
                "people": len(gallery.names)
            }
            raise Invalid("too_few_impostors", text)
        return cls(gallery, one_out, tail)

    @property
    def smallest_rate(self) -> float:
        return self.tail.points[-1][0]

    def interval(self, rate: float) -> tuple[float, float] | None:
        """The middle 95 % of the tail's threshold at this rate; None where the kept scores do not reach so far."""
        one_out = self.one_out
        highest = self.tail.points[0][0]  # the tail gives no lower threshold to larger rates
        return bootstrap_tail(
            one_out.high, one_out.probe, one_out.other, self.gallery.counts, min(rate, highest)
        )


def trials(gallery: Enrolled) -> int:
    """How many scores of a picture with another person there are."""
    return len(gallery.vectors) * (len(gallery.names) - 1)


def rounded_up(rate: float) -> str:
    """Two digits, rounded up, so that what the text names is granted when it is asked for."""
    digit = 10 ** (math.floor(math.log10(rate)) - 1)
    return f"{math.ceil(rate / digit - 1e-9) * digit:.1e}"


def check_usable(owners: NDArray[np.int64]) -> None:
    """Raises Invalid unless there are two people and someone has two photos."""
    counts = np.unique(owners, return_counts=True)[1]
    if len(counts) < 2:
        raise Invalid(
            "one_person", gettext("Only one person has a photo with a face. Errors between people need two.")
        )
    if counts.max() < 2:
        raise Invalid(
            "no_genuine_pairs",
            gettext("Nobody has two photos with a face, so no genuine pair can be compared."),
        )
