"""Whether one person goes by two names. A few such scores among the impostors set a threshold that nobody reaches.

Measured with SFace on 500 photos of five actors and 580 close crops of 97 people: no pair is found. With half of each
person's photos under another name 5 of 5 actors are found, and four in five of the close crops' people.
"""

from __future__ import annotations

import numpy as np

from recognition.engine.measures.identification import Enrolled, OneOut
from recognition.engine.types import Floats

FEWEST = 3  # photos of each; fewer say too little
MOST = 3  # further names of one person
ORDINARY = 0.1  # quantile of the scores of photos with their own person
ENOUGH = 0.5  # of the photos of each of the two
STANDS_OUT = 0.6  # of the way from the next best person to the own one


def doubles(gallery: Enrolled, one_out: OneOut) -> list[tuple[int, int]]:
    """Pairs of ``gallery.names`` that look like one person.

    Two are a pair when, for each of them, half of the photos score with the other as most photos do with their own
    person, and the other stands out among all people as the own person does. The second keeps people apart whom a
    weak model, or hard photos, do not tell from many others.
    """
    searches = one_out.searches
    if not searches.mated.any():
        return []
    ordinary = float(np.quantile(searches.own[searches.mated], ORDINARY))
    people = np.repeat(np.arange(len(gallery.names)), gallery.counts)
    near = np.bincount(people[searches.best_other >= ordinary], minlength=len(gallery.names))
    suspects = np.flatnonzero((gallery.counts >= FEWEST) & (near >= ENOUGH * gallery.counts))
    also: dict[int, set[int]] = {}
    for person in map(int, suspects):
        photos = slice(gallery.starts[person], gallery.starts[person] + gallery.counts[person])
        scores = gallery.scores(gallery.vectors[photos])
        scores[:, person] = -1
        also[person] = _other_names(scores, float(searches.own[photos].mean()), ordinary)
    found = [(a, b) for a in also for b in also[a] if a < b and a in also.get(b, ())]
    return [(int(gallery.names[a]), int(gallery.names[b])) for a, b in sorted(found)]


def _other_names(scores: Floats, own: float, ordinary: float) -> set[int]:
    """Who stands out. scores: (m, p) of one person's photos with everybody else; own: their mean with this person."""
    means = scores.mean(axis=0)
    best = np.argsort(-means)[: min(MOST, len(means) - 2)]  # somebody has to be left to stand out from
    for many in range(len(best), 0, -1):
        last = best[many - 1]
        rest = float(np.delete(scores, best[:many], axis=1).max(axis=1).mean())
        if np.mean(scores[:, last] >= ordinary) >= ENOUGH and means[last] - rest >= STANDS_OUT * (own - rest):
            return set(map(int, best[:many]))
    return set()
