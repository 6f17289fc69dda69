"""The log as lines of JSON, for a host of logs or as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from django.db.models import QuerySet

from recognition.models import AuditEntry, AuditLink

BATCH = 2000


def _as_lines(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """One line for each, oldest first, with its place and digest in the chain."""
    rows = entries.order_by("id").iterator(chunk_size=BATCH)
    batch: list[AuditEntry] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield from _lines(batch)
            batch = []
    yield from _lines(batch)


def export_entries(path: Path, *, after: int = 0) -> int:
    """Write all entries after this number to the file, which must not be there yet. Returns how many they are."""
    count = 0
    with path.open("x", encoding="utf-8") as file:
        for line in _as_lines(AuditEntry.objects.filter(pk__gt=after)):
            file.write(line + "\n")
            count += 1
    return count


def _lines(batch: list[AuditEntry]) -> Iterator[str]:
    links = {link.entry: link for link in AuditLink.objects.filter(entry__in=[entry.pk for entry in batch])}
    for entry in batch:
        link = links.get(entry.pk)
        yield json.dumps(
            {
                "id": entry.pk,
                "at": entry.at.isoformat(),
                "action": entry.action,
                "who": entry.who,
                "user": entry.user,
                "key": entry.key,
                "address": entry.address,
                "way": entry.way,
                "kind": entry.kind,
                "object": entry.object,
                "person": entry.person,
                "detail": entry.detail,
                "place": link.number if link else None,
                "digest": link.digest if link else None,
            },
            ensure_ascii=False,
        )
