"""The vectors of unknown visitors: read from Postgres, scored as the gallery scores people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from recognition.engine.measures.identification import Enrolled
from recognition.engine.types import Floats
from recognition.models import Appearance, ModelVersion
from recognition.services.gallery import open_vectors
from recognition.services.recognition.strangers import remove_appearances

SQL = """
    SELECT a.id, coalesce(a.visitor_id, 0), a.vector, k.id, k.wrapped, k.site_key
    FROM recognition_appearance a JOIN recognition_datakey k ON k.id = a.key_id
    WHERE a.model_version_id = %s AND a.vector IS NOT NULL ORDER BY a.id
"""


@dataclass(slots=True)
class Strangers:
    """numbers: of appearances (n,). visitors: whose they are (n,), 0 for nobody's yet. vectors: (n, dimensions)."""

    numbers: NDArray[np.int64]
    visitors: NDArray[np.int64]
    vectors: Floats

    @classmethod
    def load(cls, version: ModelVersion) -> Strangers:
        """All that are kept of this model. Raises GalleryError when no key of this site opens them."""
        with connection.cursor() as cursor:
            cursor.execute(SQL, [version.pk])
            rows = cursor.fetchall()
        found, vectors = open_vectors([row[2:] for row in rows], version.dimensions)
        numbers = np.array([row[0] for row in rows], np.int64)[found]
        return cls(numbers, np.array([row[1] for row in rows], np.int64)[found], vectors)

    def only(self, wanted: NDArray[np.bool_]) -> Strangers:
        return Strangers(self.numbers[wanted], self.visitors[wanted], self.vectors[wanted])

    def like(self, vectors: Floats) -> list[tuple[int, float]]:
        """The visitors and how much the nearest of these vectors (m, dimensions) is like them, best first.

        Scores are those of the gallery, so that the thresholds of a policy mean the same here.
        """
        if not len(self.numbers):
            return []
        enrolled = Enrolled.of(self.visitors, self.vectors)
        scores = enrolled.scores(vectors).max(axis=0)
        order = np.argsort(-scores)
        return [(int(enrolled.names[place]), float(scores[place])) for place in order]

    def put(self, number: int, visitor: int, vector: Floats) -> None:
        self.numbers = np.append(self.numbers, np.int64(number))
        self.visitors = np.append(self.visitors, np.int64(visitor))
        self.vectors = np.concatenate([self.vectors, vector[None]])


def forget_strangers_like(vectors: Floats, version: ModelVersion, threshold: float) -> int:
    """Remove the visitors, and faces that are nobody's yet, that are like any of these vectors (n, dimensions) of a
    person: all appearances with a score of at least the threshold, and those of the same visitor. Returns how many."""
    kept = Strangers.load(version)
    if not len(kept.numbers) or not len(vectors):
        return 0
    alike = (kept.vectors @ vectors.T).max(axis=1) >= threshold
    return _forget(
        {int(one) for one in kept.visitors[alike]} - {0}, [int(one) for one in kept.numbers[alike]]
    )


def forget_strangers_of(version: ModelVersion | None) -> int:
    """Remove the visitors of whom a face was computed by this model, and such faces that are nobody's yet; None: by one
    that is gone. Returns how many appearances."""
    rows = Appearance.objects.filter(model_version=version).exclude(key=None).values_list("visitor", "pk")
    return _forget({visitor for visitor, _ in rows if visitor}, [number for _, number in rows])


def models_of_strangers() -> list[ModelVersion | None]:
    """By which the faces that are kept were computed: more than one for a while after a change of the model."""
    kept = Appearance.objects.exclude(key=None).order_by().values_list("model_version", flat=True).distinct()
    numbers = set(kept)
    found: list[ModelVersion | None] = list(ModelVersion.objects.filter(pk__in=numbers - {None}))
    return found + [None] * (None in numbers)


def _forget(visitors: set[int], numbers: list[int]) -> int:
    rows = Appearance.objects.filter(visitor__in=visitors) | Appearance.objects.filter(pk__in=numbers)
    return remove_appearances(rows)
