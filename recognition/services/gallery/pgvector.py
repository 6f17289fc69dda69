"""Candidates by pgvector, in the site's own Postgres: nothing more to run, and one copy for all hosts.

Templates are stored as `vector` and indexed in half precision (HNSW) or by their signs (HNSW over bits, the best
re-ranked in the same statement). Below 20,000 people, and with ``GALLERY_PG_INDEX=exact``, everybody is compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from recognition.engine.gallery_file import Ints
from recognition.engine.types import Floats, GalleryError
from recognition.models import GalleryTemplate, ModelVersion, TemplateMark
from recognition.services.gallery.log import Mark

TABLE = GalleryTemplate._meta.db_table
EXACT, HNSW, BITS, AUTO = "exact", "hnsw", "bits", "auto"
INDEXED_FROM = 20_000  # people; below, comparing everybody takes some milliseconds
# Links of each in the HNSW graph, how wide it is built, and searched, which is as wide as pgvector goes. With its own
# 16 and 64, and 400, seven of 743 probes above the threshold lost their person among 10,000; more in docs/scaling.md.
LINKS, BUILT, SEARCHED = 32, 200, 1_000
RERANKED = 1_000  # of how many the signs alone decide
# Binary COPY: https://www.postgresql.org/docs/current/sql-copy.html; a vector is its length, a zero and its numbers.
HEAD, TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"


class PgVector:
    """A `Store`; what it writes counts when the transaction around it does."""

    def __init__(self, version: ModelVersion) -> None:
        self._version = int(version.pk)
        self._width = int(version.dimensions)
        self._rows = GalleryTemplate.objects.filter(model_version=version.pk)

    def mark(self) -> Mark | None:
        row = TemplateMark.objects.filter(pk=self._version).values_list("number", "at").first()
        return Mark(*row) if row else None

    def keep(self, mark: Mark) -> None:
        TemplateMark.objects.update_or_create(
            model_version_id=self._version, defaults={"number": mark.number, "at": mark.at}
        )

    def put(self, identities: Ints, templates: Floats) -> None:
        self.remove(identities)
        row = [("fields", ">i2"), ("a", ">i4"), ("version", ">i8"), ("b", ">i4"), ("identity", ">i8")]
        row += [("c", ">i4"), ("width", ">i2"), ("zero", ">i2")]
        rows = np.zeros(len(identities), np.dtype([*row, ("vector", ">f4", (self._width,))]))
        rows["fields"], rows["a"], rows["b"], rows["c"] = 3, 8, 8, 4 + 4 * self._width
        rows["version"], rows["identity"] = self._version, identities
        rows["width"], rows["vector"] = self._width, templates
        with connection.cursor() as cursor:
            statement = f"COPY {TABLE} (model_version_id, identity, template) FROM STDIN (FORMAT BINARY)"
            with cursor.copy(statement) as copy:
                copy.write(HEAD)
                copy.write(rows.tobytes())
                copy.write(TAIL)

    def remove(self, identities: Ints) -> None:
        if len(identities):
            with connection.cursor() as cursor:
                cursor.execute(
                    f"DELETE FROM {TABLE} WHERE model_version_id = %s AND identity = ANY(%s)",  # noqa: S608
                    [self._version, identities.tolist()],
                )

    def nearest(self, probes: Floats, k: int) -> list[list[int]]:
        kind = settings.GALLERY_PG_INDEX
        width = RERANKED if kind == BITS else SEARCHED
        with _in_words(), transaction.atomic(), connection.cursor() as cursor:
            if kind != EXACT:
                cursor.execute(
                    "SELECT set_config('hnsw.ef_search', %s, true),"
                    " set_config('hnsw.iterative_scan', 'relaxed_order', true)",
                    [str(width)],
                )
            found = []
            for probe in probes:
                literal = "[" + ",".join(map(repr, probe.tolist())) + "]"
                cursor.execute(self._select(kind), {"probe": literal, "width": width, "k": k})
                found.append([row[0] for row in cursor.fetchall()])
            return found

    def identities(self) -> Ints:
        return np.fromiter(self._rows.order_by("identity").values_list("identity", flat=True), np.int64)

    def __len__(self) -> int:
        return int(self._rows.count())

    def __contains__(self, identity_id: object) -> bool:
        return isinstance(identity_id, int) and self._rows.filter(identity=identity_id).exists()

    def tend(self) -> None:
        kind = settings.GALLERY_PG_INDEX
        if kind == EXACT or (kind == AUTO and len(self) < INDEXED_FROM):
            return
        name = f"gallery_{'bits' if kind == BITS else 'hnsw'}_{self._version}"
        column = f"(binary_quantize(template)::bit({self._width})) bit_hamming_ops"
        if kind != BITS:
            column = f"(template::halfvec({self._width})) halfvec_ip_ops"
        with _in_words(), connection.cursor() as cursor:
            cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
            row = cursor.fetchone()
            if row == (True,):
                return
            cursor.execute(f"ANALYZE {TABLE}")
            if row is not None:  # one that was cut off while it was built
                cursor.execute(f"DROP INDEX {name}")
            # Searches and changes go on meanwhile.
            beside = "" if connection.in_atomic_block else "CONCURRENTLY"
            cursor.execute(
                f"CREATE INDEX {beside} {name} ON {TABLE} USING hnsw ({column})"
                f" WITH (m = {LINKS}, ef_construction = {BUILT}) WHERE model_version_id = {self._version}"
            )

    def _select(self, kind: str) -> str:
        """Statement with the parameters ``probe``, ``width`` and ``k``. An index serves only its own expression.

        Nothing of a request is in the text: our own table's name and two numbers of the model.
        """
        own = f"FROM {TABLE} WHERE model_version_id = {self._version} ORDER BY"
        if kind == EXACT:
            return f"SELECT identity {own} template <#> %(probe)s::vector LIMIT %(k)s"
        if kind == BITS:
            signs = f"binary_quantize(template)::bit({self._width}) <~> binary_quantize(%(probe)s::vector)"
            best = f"SELECT identity, template {own} {signs} LIMIT %(width)s"
            return f"SELECT identity FROM ({best}) best ORDER BY template <#> %(probe)s::vector LIMIT %(k)s"  # noqa: S608
        halves = f"halfvec({self._width})"
        return f"SELECT identity {own} template::{halves} <#> %(probe)s::{halves} LIMIT %(k)s"


@contextmanager
def _in_words() -> Iterator[None]:
    """An extension that lacks these types, or an index that cannot be built, is named. Raises GalleryError."""
    try:
        yield
    except DatabaseError as error:
        if connection.in_atomic_block and connection.needs_rollback:
            raise
        raise GalleryError(
            f"pgvector cannot do this: {error}. It has to be 0.8 or newer (ALTER EXTENSION vector UPDATE)."
        ) from error
