"""The stored vectors of the people, read from Postgres into arrays."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from recognition.engine.gallery_build import People, people
from recognition.engine.types import Floats, GalleryError
from recognition.models import Identity, ModelVersion
from recognition.sealing import WrongSiteKey, open_many

log = logging.getLogger(__name__)

CHUNK = 20_000
PEOPLE = 4_096  # who are read in one go where everybody is
# Every photo is compared with every other; twenty thousand take half a minute on two cores.
MOST_PHOTOS = 20_000


def load_vectors(
    version: ModelVersion,
    identity_ids: list[int] | None = None,
    *,
    status: str = Identity.Status.ACTIVE,
) -> tuple[NDArray[np.int64], Floats]:
    """Owners (n,) and unit vectors (n, dimensions) of all people of this status, or of those given, ordered by owner.

    Vectors whose key was destroyed are left out. Raises GalleryError when no key of this site opens them.
    """
    sql = (
        "SELECT e.identity_id, e.vector, k.id, k.wrapped, k.site_key FROM recognition_embedding e"
        " JOIN recognition_identity i ON i.id = e.identity_id"
        " JOIN recognition_datakey k ON k.id = e.key_id"
        " WHERE e.model_version_id = %s AND i.status = %s"
    )
    params: list[Any] = [version.pk, status]
    if identity_ids is not None:
        sql += " AND e.identity_id = ANY(%s)"
        params.append(identity_ids)
    sql += " ORDER BY e.identity_id, e.id"
    owners: list[NDArray[np.int64]] = []
    vectors: list[Floats] = []
    width = version.dimensions
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(CHUNK):
            found, opened = open_vectors([row[1:] for row in rows], width)
            owners.append(np.fromiter((row[0] for row in rows), np.int64, len(rows))[found])
            vectors.append(_unit(opened))
    if not owners:
        return np.empty(0, np.int64), np.empty((0, width), np.float32)
    return np.concatenate(owners), np.concatenate(vectors)


def everybody(version: ModelVersion) -> Iterator[People]:
    """All active people in the order of their ids, a part at a time: memory does not grow with their number.

    Not of one moment: a change in between is in the log, and is applied afterwards.
    """
    last = 0
    active = Identity.objects.filter(status=Identity.Status.ACTIVE).order_by("pk")
    while ids := list(active.filter(pk__gt=last).values_list("pk", flat=True)[:PEOPLE]):
        last = ids[-1]
        yield people(*load_vectors(version, ids))


def enrolled_vectors(version: ModelVersion, most: int = MOST_PHOTOS) -> tuple[NDArray[np.int64], Floats]:
    """Owners and vectors of all active people, or of so many people drawn at random that they have ``most`` photos."""
    owners, vectors = load_vectors(version)
    if len(owners) <= most:
        return owners, vectors
    people, counts = np.unique(owners, return_counts=True)
    order = np.random.default_rng(0).permutation(len(people))
    chosen = people[order[np.cumsum(counts[order]) <= most]]
    kept = np.isin(owners, chosen)
    return owners[kept], vectors[kept]


def open_vectors(
    rows: Sequence[tuple[bytes, int, bytes, str]], dimensions: int
) -> tuple[NDArray[np.bool_], Floats]:
    """Sealed vectors as arrays: which of the rows could be opened (n,), and the vectors (m, dimensions) of these.

    rows: sealed vector, number of the key, wrapped key, name of the site's key. Raises GalleryError when no key of this
    site opens them.
    """
    try:
        opened = open_many((bytes(sealed), key, bytes(wrapped), site) for sealed, key, wrapped, site in rows)
    except WrongSiteKey as error:
        raise GalleryError(str(error)) from None
    found = np.fromiter(
        (one is not None and len(one) == 4 * dimensions for one in opened), np.bool_, len(opened)
    )
    if not found.all():
        log.error("%s vectors are damaged and left out", int((~found).sum()))
    whole = b"".join(one for one, good in zip(opened, found, strict=True) if one is not None and good)
    return found, np.frombuffer(whole, "<f4").reshape(-1, dimensions).astype(np.float32)


def _unit(vectors: Floats) -> Floats:
    """Imported vectors are kept as they came and may have any length; ours are left as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.where(np.abs(lengths - 1) > 1e-5, vectors / lengths, vectors), np.float32)
