"""The stored vectors of the people, read from Postgres into arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from recognition.engine.types import Floats
from recognition.models import Identity, ModelVersion

CHUNK = 20_000
# Every photo is compared with every other; twenty thousand take half a minute on two cores.
MOST_PHOTOS = 20_000


def load_vectors(
    version: ModelVersion, identity_ids: list[int] | None = None
) -> tuple[NDArray[np.int64], Floats]:
    """Owners (n,) and unit vectors (n, dimensions) of all active people, or of those given, ordered by owner."""
    sql = (
        "SELECT e.identity_id, vector_send(e.vector) FROM recognition_embedding e"
        " JOIN recognition_identity i ON i.id = e.identity_id"
        " WHERE e.model_version_id = %s AND i.status = %s"
    )
    params: list[Any] = [version.pk, Identity.Status.ACTIVE]
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
            owners.append(np.fromiter((row[0] for row in rows), np.int64, len(rows)))
            vectors.append(_unit(unpack([row[1] for row in rows], width)))
    if not owners:
        return np.empty(0, np.int64), np.empty((0, width), np.float32)
    return np.concatenate(owners), np.concatenate(vectors)


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


def unpack(sent: Sequence[bytes], dimensions: int) -> Floats:
    """Vectors (n, dimensions) from what `vector_send` gives: four bytes of header, then big-endian floats.

    Parsing pgvector's text form would take far longer than the query.
    """
    raw = np.frombuffer(b"".join(bytes(one) for one in sent), ">f4").reshape(len(sent), dimensions + 1)
    return raw[:, 1:].astype(np.float32)


def _unit(vectors: Floats) -> Floats:
    """Imported vectors are kept as they came and may have any length; ours are left as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.where(np.abs(lengths - 1) > 1e-5, vectors / lengths, vectors), np.float32)
