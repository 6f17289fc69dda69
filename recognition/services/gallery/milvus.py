"""Candidates by Milvus, a vector database that spreads over many machines.

Wants the package pymilvus (requirements-milvus.txt). One collection a model version; its row 0 holds the place in the
change log, so that a collection which is lost, or comes back from a backup, is known for what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from django.conf import settings

from recognition.engine.gallery_file import Ints
from recognition.engine.types import Floats, GalleryError
from recognition.models import ModelVersion
from recognition.services.gallery.log import Mark

MARK = 0  # no person has this number
BATCH = 4_096  # rows a message; 8 MB of 512 numbers
PATIENCE = 30.0  # seconds for one call
STRONG = "Strong"  # a search sees what was written before it


class Milvus:
    """A `Store`; what it writes counts at once, so the mark is written last."""

    def __init__(self, version: ModelVersion) -> None:
        self._width = int(version.dimensions)
        self._name = f"{settings.MILVUS_COLLECTION}_{version.pk}"
        with _in_words():
            self._client = _client(settings.MILVUS_URL, settings.MILVUS_TOKEN)
            if not self._client.has_collection(self._name, timeout=PATIENCE):
                self._create()

    def mark(self) -> Mark | None:
        with _in_words():
            rows = self._query(f"identity == {MARK}", ["mark"])
        if not rows:
            return None
        number, at = str(rows[0]["mark"]).split(" ", 1)
        return Mark(int(number), datetime.fromisoformat(at) if at != "-" else None)

    def keep(self, mark: Mark) -> None:
        place = f"{mark.number} {mark.at.isoformat() if mark.at else '-'}"
        with _in_words():
            self._upsert([{"identity": MARK, "template": np.zeros(self._width, np.float32), "mark": place}])

    def put(self, identities: Ints, templates: Floats) -> None:
        with _in_words():
            for start in range(0, len(identities), BATCH):
                part = zip(
                    identities[start : start + BATCH].tolist(), templates[start : start + BATCH], strict=True
                )
                self._upsert([{"identity": pk, "template": row, "mark": ""} for pk, row in part])

    def remove(self, identities: Ints) -> None:
        with _in_words():
            for start in range(0, len(identities), BATCH):
                self._client.delete(
                    self._name, ids=identities[start : start + BATCH].tolist(), timeout=PATIENCE
                )

    def nearest(self, probes: Floats, k: int) -> list[list[int]]:
        with _in_words():
            found = self._client.search(
                self._name,
                data=list(probes),
                anns_field="template",
                limit=k + 1,  # the mark may be among them where there are few people
                search_params={"metric_type": "IP"},
                consistency_level=STRONG,
                timeout=PATIENCE,
            )
        people = ([int(hit["identity"]) for hit in row] for row in found)
        return [[one for one in row if one != MARK][:k] for row in people]

    def identities(self) -> Ints:
        found: list[int] = []
        with _in_words():
            rows = self._client.query_iterator(
                self._name,
                filter=f"identity > {MARK}",
                output_fields=["identity"],
                batch_size=BATCH,
                consistency_level=STRONG,
            )
            while part := rows.next():
                found += [int(row["identity"]) for row in part]
            rows.close()
        return np.sort(np.array(found, np.int64))

    def __len__(self) -> int:
        with _in_words():
            return int(self._query(f"identity > {MARK}", ["count(*)"])[0]["count(*)"])

    def __contains__(self, identity_id: object) -> bool:
        if not isinstance(identity_id, (int, np.integer)) or identity_id == MARK:
            return False
        with _in_words():
            return bool(self._query(f"identity == {int(identity_id)}", ["identity"]))

    def tend(self) -> None:
        """Milvus builds its index by itself."""

    def _create(self) -> None:
        from pymilvus import DataType  # type: ignore[import-not-found,import-untyped,unused-ignore]

        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("identity", DataType.INT64, is_primary=True)
        schema.add_field("template", DataType.FLOAT_VECTOR, dim=self._width)
        schema.add_field("mark", DataType.VARCHAR, max_length=64)
        index = self._client.prepare_index_params()
        index.add_index("template", index_type="AUTOINDEX", metric_type="IP")
        try:
            self._client.create_collection(
                self._name, schema=schema, index_params=index, consistency_level=STRONG, timeout=PATIENCE
            )
        except Exception:
            if not self._client.has_collection(
                self._name, timeout=PATIENCE
            ):  # else another process was faster
                raise

    def _query(self, where: str, fields: list[str]) -> list[dict[str, Any]]:
        return list(
            self._client.query(
                self._name, filter=where, output_fields=fields, consistency_level=STRONG, timeout=PATIENCE
            )
        )

    def _upsert(self, rows: list[dict[str, Any]]) -> None:
        self._client.upsert(self._name, rows, timeout=PATIENCE)


_connecting = Lock()


def _client(url: str, token: str) -> Any:
    """One connection a process, which all threads share."""
    with _connecting:
        return _connected(url, token)


@lru_cache(maxsize=4)
def _connected(url: str, token: str) -> Any:
    try:
        from pymilvus import MilvusClient
    except ImportError:
        raise GalleryError(
            "GALLERY_BACKEND=milvus wants the package pymilvus: pip install -r requirements-milvus.txt"
        ) from None
    return MilvusClient(uri=url, token=token, timeout=PATIENCE)


@contextmanager
def _in_words() -> Iterator[None]:
    """Raises GalleryError for whatever Milvus raises."""
    try:
        yield
    except GalleryError:
        raise
    except (
        Exception
    ) as error:  # its own errors, those of gRPC, and those of a file that another process holds
        raise GalleryError(
            f"Milvus at {settings.MILVUS_URL} does not do what it is asked: {error}"
        ) from error
