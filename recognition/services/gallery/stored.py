"""The gallery whose candidates an engine outside this process finds: the same questions as `engine.gallery.Gallery`.

Current like the other one: before each search the store's place in the change log is compared with its end, and whoever
finds it behind brings it up to date, for all processes and hosts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from django.db import connection, transaction

from recognition.engine.gallery import CANDIDATES, Searched, checked, fuse
from recognition.engine.gallery_build import People, people
from recognition.engine.gallery_file import Ints
from recognition.engine.types import Floats, GalleryError, Match
from recognition.models import Embedding, GalleryBuild, Identity, ModelVersion
from recognition.services import queue
from recognition.services.gallery.log import MOST_CHANGES, Mark, changed_between, last_mark
from recognition.services.gallery.store import Store, store_of
from recognition.services.gallery.vectors import everybody, load_vectors

log = logging.getLogger(__name__)

STORE_LOCK = 7_261_003
PATIENCE = 10.0  # seconds that a search waits for another process that is writing
ASK_AGAIN = 60.0


class StoredGallery(Searched):
    """Safe for many threads. Every method that searches raises GalleryError when the store cannot be used.

    change_number: how far the log had come when somebody caught up last.
    """

    def __init__(self, version: ModelVersion, store: Store | None = None) -> None:
        self.version = version
        self.dimensions = version.dimensions
        self.model = version.name
        self.store = store or store_of(version)
        self.change_number = 0
        self._asked = -ASK_AGAIN

    def catch_up(self, mark: Mark) -> None:
        """Bring the store up to the end of the log; mark: where that was a moment ago.

        Raises GalleryError when there is too much to write for somebody who waits: a worker is asked to do it.
        """
        if self.store.mark() != mark:
            with _alone():
                mark = self._write(patient=False)
        self.change_number = mark.number

    def fill(self, *, anew: bool = False) -> Mark:
        """The same for a worker, however much there is to write; anew: even what the store has already.

        Returns the place in the log that the store has reached.
        """
        with _alone(patience=None):
            return self._write(patient=True, anew=anew)

    def search(self, probes: Floats, k: int) -> list[list[Match]]:
        """The ``k`` most similar people of each probe, best first. probes: (m, dimensions) unit vectors."""
        probes = checked(probes, self.dimensions)
        if k < 1 or not len(probes):
            return [[] for _ in probes]
        found = self.store.nearest(probes, max(2 * k, CANDIDATES))
        proposed = self._people(sorted({one for row in found for one in row}))
        return [_ranked(proposed, probe)[:k] for probe in probes]

    def score(self, probe: Floats, identity_id: int) -> Match | None:
        """How much the probe (dimensions,) resembles this person; None when there is no such person."""
        probe = checked(np.asarray(probe)[None], self.dimensions)[0]
        matches = _ranked(self._people([identity_id]), probe)
        return matches[0] if matches else None

    def template(self, identity_id: int) -> Floats | None:
        """The person's representative vector (dimensions,): the mean of its unit vectors, normalised."""
        found = self._people([identity_id])
        return found.templates[0] if len(found.owners) else None

    def identities(self) -> list[int]:
        return [int(one) for one in self.store.identities()]

    @property
    def vector_count(self) -> int:
        """How many vectors were enrolled."""
        return Embedding.objects.filter(
            model_version=self.version, identity__status=Identity.Status.ACTIVE
        ).count()

    @property
    def changed(self) -> int:
        """Nothing waits beside the store."""
        return 0

    @property
    def generation(self) -> int:
        build = GalleryBuild.objects.filter(model_version=self.version).first()
        return build.pk if build else 0

    def __len__(self) -> int:
        return len(self.store)

    def __contains__(self, identity_id: object) -> bool:
        return identity_id in self.store

    def _people(self, identity_ids: list[int]) -> People:
        return people(*load_vectors(self.version, identity_ids))

    def _write(self, *, patient: bool, anew: bool = False) -> Mark:
        mark, own = last_mark(), None if anew else self.store.mark()
        changed = None if own is None else changed_between(own, mark, self.store)
        if changed is None:
            if not patient and Identity.objects.filter(status=Identity.Status.ACTIVE).count() > MOST_CHANGES:
                self._ask_for_a_build()
                raise GalleryError("The gallery is being built. Try again in a minute.")
            self._write_everybody()
        elif changed:
            self._write_some(changed)
        if own != mark:
            self.store.keep(mark)
        return mark

    def _write_everybody(self) -> None:
        seen = [np.empty(0, np.int64)]
        for part in everybody(self.version):
            if len(part.owners):
                self.store.put(part.owners, part.templates)
                seen.append(part.owners)
        self.store.remove(np.setdiff1d(self.store.identities(), np.concatenate(seen)))

    def _write_some(self, changed: list[int]) -> None:
        found = self._people(changed)
        if len(found.owners):
            self.store.put(found.owners, found.templates)
        self.store.remove(np.setdiff1d(np.array(changed, np.int64), found.owners))

    def _ask_for_a_build(self) -> None:
        if time.monotonic() - self._asked >= ASK_AGAIN:
            self._asked = time.monotonic()
            log.warning("the store of %s lacks too much for a search to wait, asking a worker", self.model)
            queue.enqueue(queue.REBUILD_INDEX)


def _ranked(proposed: People, probe: Floats) -> list[Match]:
    """Final scores of these people, best first."""
    if not len(proposed.owners):
        return []
    templates = proposed.templates @ probe
    scores = fuse(templates, proposed.counts, proposed.photos @ probe)
    order: Ints = np.argsort(-scores, kind="stable")
    return [Match(int(proposed.owners[i]), float(scores[i]), float(templates[i])) for i in order.tolist()]


@contextmanager
def _alone(patience: float | None = PATIENCE) -> Iterator[None]:
    """One writer at a time, over all processes and hosts, for one transaction. None: wait for as long as it takes.

    Raises GalleryError when the other one is still writing.
    """
    with transaction.atomic():
        until = None if patience is None else time.monotonic() + patience
        while not _taken():
            if until is not None and time.monotonic() > until:
                raise GalleryError("The gallery is being written by another process. Try again in a minute.")
            time.sleep(0.02)
        yield


def _taken() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [STORE_LOCK])
        return bool(cursor.fetchone()[0])
