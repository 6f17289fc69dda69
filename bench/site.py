"""A throw-away site with many people, so that a bench neither needs nor touches anybody's data."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

CHUNK = 1_000


@contextmanager
def throwaway_site() -> Iterator[Path]:
    """Embedded servers in a new folder, Django set up and migrated."""
    with tempfile.TemporaryDirectory(prefix="identity-bench-", ignore_cleanup_errors=True) as folder:
        for name in ("DATABASE_URL", "REDIS_URL", "CACHE_URL"):
            os.environ.pop(name, None)
        os.environ |= {
            "IDENTITY_DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "identity_site.settings",
            "LOG_LEVEL": "ERROR",
        }
        from identity_site import embedded

        embedded.hold()
        try:
            import django
            from django.core.management import call_command

            django.setup()
            call_command("migrate", interactive=False, verbosity=0)
            yield Path(folder)
        finally:
            from django.db import connections

            connections.close_all()
            embedded.release()


def strangers(
    count: int, dimensions: int, seed: int = 0
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Random unit vectors: as people go they are easy to tell apart, but they cost as much as real ones."""
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def populate(count: int) -> None:
    """Enrol this many people with one vector each, then build the index."""
    from recognition.services.analysis import active_model
    from recognition.services.gallery import rebuild_index

    enrol([strangers(count, active_model().dimensions)])
    rebuild_index()


def enrol(parts: Iterable[np.ndarray[tuple[int, int], np.dtype[np.float32]]]) -> None:
    """Write a person for each of these vectors (n, dimensions) straight into Postgres."""
    from django.db import connection, transaction

    from recognition.models import Embedding, Identity
    from recognition.services.analysis import active_model
    from recognition.services.gallery import record_change

    version = active_model()
    for vectors in parts:
        with transaction.atomic(), connection.cursor() as cursor:
            there = Identity.objects.count()
            cursor.execute(
                "INSERT INTO recognition_identity (external_id, name, status, created_at, updated_at)"
                " SELECT 'bench-' || n, 'Bench ' || n, 'active', now(), now()"
                " FROM generate_series(%s::int, %s::int) n RETURNING id",
                [there + 1, there + len(vectors)],
            )
            numbers = [row[0] for row in cursor.fetchall()]
            for start in range(0, len(vectors), CHUNK):
                part = zip(numbers[start : start + CHUNK], vectors[start : start + CHUNK], strict=True)
                Embedding.objects.bulk_create(
                    Embedding(identity_id=number, model_version=version, vector=vector, source="bench")
                    for number, vector in part
                )
            record_change(None)
